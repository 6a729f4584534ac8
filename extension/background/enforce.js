// From what the agent says to what the browser keeps: content scripts that are
// registered for good, and rules of its network stack. Both survive the end of this
// worker and of the browser, so that the first page after a start is guarded.
import { configure, first } from "./configuration.js";
import { headers, ofOrganization, patterns, rules } from "./policy.js";
import { leftover, sites } from "./wipe.js";

export const STOPPED = chrome.runtime.getURL("pages/stopped.html");
export const VIEWER = chrome.runtime.getURL("pages/pdf.html");

// known is the newest state, or null before there was one.
export async function known() {
  return (await chrome.storage.local.get("state")).state ?? null;
}

let turn = Promise.resolve();

// enforce applies a state; null means that the agent is not heard any more: what
// held goes on holding, and pages are covered until it is.
export function enforce(state) {
  turn = turn.then(() => change(state)).catch((e) => console.error("postern:", e));
  return turn;
}

// restore puts back what an update of the extension took away: browsers forget the
// registered scripts then, and keep the state. It also completes a change that the end
// of this worker or of the browser cut short.
export function restore() {
  turn = turn.then(async () => {
    const { state, applied } = await chrome.storage.local.get(["state", "applied"]);
    const whole = applied !== false && (!state?.enrolled || (await chrome.scripting.getRegisteredContentScripts()).length > 0);
    if (state && !whole) await apply(state, state);
  }).catch((e) => console.error("postern:", e));
  return turn;
}

async function change(next) {
  const before = await known();
  const said = next ?? (before && { ...before, decision: silent });
  if (!said) return;
  if (!said.enrolled) await leftover(); // before the guards go
  const origins = await sites(said);
  const state = { ...said, origins };
  await chrome.storage.local.set({ state, applied: false });
  await apply(state, before);
}

// apply has the browser keep what a state says.
async function apply(state, before) {
  const origins = state.enrolled ? state.origins ?? [] : [];
  const held = state.enrolled ? rules(state) : new Set();
  await register(state, origins, held);
  const there = await chrome.declarativeNetRequest.getDynamicRules();
  await chrome.declarativeNetRequest.updateDynamicRules({
    removeRuleIds: there.map((r) => r.id).filter((id) => id < first), addRules: headers(origins, held, STOPPED, VIEWER),
  });
  await refresh(state, origins, held, before);
  await configure(state.enrolled ? state.configuration : [], [...origins, state.signIn].filter(Boolean));
  await chrome.storage.local.set({ applied: true });
}

const silent = {
  action: "block",
  reasons: [{ code: "agent", action: "block", text: "The Postern agent on this PC does not answer.", steps: ["Start it, or install it again."] }],
};

// register replaces the content scripts. One file for each rule is how a page knows
// its rules before its first line runs.
async function register(state, origins, held) {
  const scripts = [];
  const common = { allFrames: true, matchOriginAsFallback: true, runAt: "document_start", persistAcrossSessions: true };
  if (origins.length > 0) {
    const matches = patterns(origins);
    scripts.push({ id: "guard", matches, ...common, js: [...[...held].sort().map((r) => `guard/rules/${r}.js`), "guard/guard.js"] });
    scripts.push({ id: "page", matches, ...common, world: "MAIN", js: ["guard/page.js"] });
  }
  if (state.signIn) {
    scripts.push({ id: "sign-in", matches: patterns([state.signIn]), runAt: "document_end", persistAcrossSessions: true, js: ["guard/signin.js"] });
  }
  const there = await chrome.scripting.getRegisteredContentScripts();
  const stale = there.filter((s) => !scripts.some((n) => n.id === s.id)).map((s) => s.id);
  if (stale.length > 0) await chrome.scripting.unregisterContentScripts({ ids: stale });
  const changed = scripts.filter((s) => there.some((o) => o.id === s.id));
  const fresh = scripts.filter((s) => !there.some((o) => o.id === s.id));
  if (changed.length > 0) await chrome.scripting.updateContentScripts(changed);
  if (fresh.length > 0) await chrome.scripting.registerContentScripts(fresh);
}

// refresh tells open pages. A page that was open before it was the organisation's
// has no guard yet: it is loaded anew.
async function refresh(state, origins, held, before) {
  const message = { type: "rules", rules: [...held], decision: state.decision };
  for (const tab of await chrome.tabs.query({})) {
    if (!ofOrganization(tab.url ?? "", [...origins, ...(before?.origins ?? [])])) continue;
    if (!(before?.origins ?? []).some((o) => ofOrganization(tab.url, [o])) && ofOrganization(tab.url, origins)) await chrome.tabs.reload(tab.id);
    else await chrome.tabs.sendMessage(tab.id, message).catch(() => chrome.tabs.reload(tab.id));
  }
}

// sync passes a word on to every other page of the organisation.
export async function sync(message, sender) {
  const state = await known();
  for (const tab of await chrome.tabs.query({})) {
    if (tab.id !== sender.tab?.id && ofOrganization(tab.url ?? "", state?.origins ?? [])) chrome.tabs.sendMessage(tab.id, message).catch(() => undefined);
  }
}
