// The extension in the background: it holds the line to the agent, and turns what
// the agent says into guards that the browser itself keeps. When the browser stops
// this worker, the guards stay; when it starts again, so does the line.
import { browserVersion, connect } from "./agent.js";
import { reports } from "./controls.js";
import { downloads } from "./downloads.js";
import { enforce, known, restore, STOPPED, sync, VIEWER } from "./enforce.js";
import { ofOrganization, originOf } from "./policy.js";
import { renewals } from "./renew.js";
import { resume, wipe } from "./wipe.js";

const agent = connect({
  hello: async () => ({ type: "hello", browser: browserVersion(), extension: chrome.runtime.getManifest().version }),
  state: async (m) => {
    await enforce(m.state);
    await report.tell();
  },
  wipe: async (m, say) => say({ type: "wiped", id: m.id, items: await wipe() }),
  open: (m) => chrome.tabs.create({ url: m.url }),
  lost: () => enforce(null),
});
const report = reports(known, (m) => agent.say(m), STOPPED, VIEWER);
const proof = renewals((nonce, origin) => agent.ask({ type: "prove", nonce, origin }), known);

restore();
resume();
downloads(known);
chrome.runtime.onStartup.addListener(() => agent.wake());
chrome.runtime.onInstalled.addListener(() => agent.wake());
chrome.alarms.create("postern", { periodInMinutes: 0.5 });
chrome.alarms.onAlarm.addListener(() => {
  agent.wake();
  proof.look();
  report.again();
});
agent.wake();
proof.look();

// ask answers a page of the organisation, a page of the sign-in service, or a page
// of our own; nobody else is heard.
const ask = {
  keep: async (m, sender) => {
    await chrome.storage.session.set({ kept: { text: m.text, html: m.html ?? "" } });
    sync({ type: "kept" }, sender);
  },
  kept: async () => (await chrome.storage.session.get("kept")).kept ?? null,
  notice: (m, sender) => chrome.tabs.sendMessage(sender.tab.id, { type: "notice", text: m.text }, { frameId: 0 }).catch(() => undefined),
};

chrome.runtime.onMessage.addListener((m, sender, reply) => {
  answer(m, sender).then(reply, (e) => reply({ error: e.message }));
  return true;
});

// proofs counts what pages of the sign-in service asked for lately, so that one that
// is refused over and over does not reload for ever.
const proofs = new Map();

async function answer(m, sender) {
  if (sender.id !== chrome.runtime.id) return undefined;
  const state = await known();
  const origin = sender.origin ?? originOf(sender.url ?? "");
  if (origin === location.origin) {
    if (m.type === "status") return { state, connected: agent.connected(), problem: agent.problem() };
    if (m.type === "keep") return ask.keep(m, sender); // a document that we show
    if (["enroll", "sign-out", "sent"].includes(m.type)) return agent.ask({ type: m.type });
    return undefined;
  }
  if (m.type === "prove") {
    if (!state || origin !== state.signIn || sender.frameId !== 0) return { error: "Only the sign-in page of your organization may ask for a proof." };
    const now = Date.now();
    const lately = (proofs.get(sender.tab.id) ?? []).filter((at) => now - at < 60_000);
    if (lately.length >= 5) return { error: "The proof was refused several times. Reload the page to try again." };
    proofs.set(sender.tab.id, [...lately, now]);
    proof.soon();
    return agent.ask({ type: "prove", nonce: String(m.nonce), origin });
  }
  if (!state || !ofOrganization(origin, state.origins)) return undefined;
  return Object.hasOwn(ask, m.type) ? ask[m.type](m, sender) : undefined;
}
chrome.tabs.onRemoved.addListener((id) => proofs.delete(id));
