// The device proves itself again and again while somebody is signed in: a session
// that its PC does not vouch for any more opens nothing that asks for the PC.

// renewals renews by itself when it is time. prove asks the agent for a proof; known
// returns the newest state. What is returned says that a proof was just given to the
// sign-in page, or that it may be time: then it looks when the next one is due.
export function renewals(prove, known) {
  let timer = null, busy = null;

  function in_(seconds) {
    clearTimeout(timer);
    const at = Date.now() + seconds * 1000;
    timer = setTimeout(look, seconds * 1000);
    return chrome.storage.session.set({ renewAt: at });
  }

  // look is called by the alarm as well: this worker may have been stopped meanwhile.
  async function look() {
    const at = (await chrome.storage.session.get("renewAt")).renewAt ?? 0;
    if (Date.now() < at - 500) return;
    busy ??= renew().catch(() => 20).then(in_).finally(() => (busy = null));
    await busy;
  }

  return { look, soon: () => in_(2) };

  // renew returns the seconds until the next look.
  async function renew() {
    const state = await known();
    if (!state?.enrolled) return idle;
    const endpoint = state.authority + "/oauth2/v2.0/deviceproof";
    const asked = await fetch(endpoint, { credentials: "include", cache: "no-store" });
    if (asked.status === 401) return idle; // nobody is signed in: the sign-in page asks for a proof itself
    if (!asked.ok) return 20;
    const due = await asked.json();
    if (due.renew_in > 0) return due.renew_in;
    const answer = await prove(due.nonce, state.signIn);
    if (!answer.proof) return 20;
    const got = await fetch(endpoint + "/renew", { method: "POST", credentials: "include", cache: "no-store", body: new URLSearchParams({ proof: answer.proof }) });
    return got.ok ? Math.max(1, (await got.json()).renew_in) : 20;
  }
}

// idle is how long nothing is renewed where there is nothing to renew, in seconds.
const idle = 300;
