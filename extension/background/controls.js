// How far this browser really enforces what the policy asks: from what it keeps of
// the extension now, not from what the extension meant to do. The agent tells the
// service; administrators and the person see it.
import { first, holds, meaning } from "./configuration.js";
import { headers, patterns, rules } from "./policy.js";

// controls says for each control whether it is enforced, and what is left open.
export async function controls(state, stopped, viewer) {
  const privately = (await chrome.extension.isAllowedIncognitoAccess()) ? [] : ["privateWindows"];
  const always = ["developerTools", "otherExtensions", ...privately];
  const seen = [...always, "screenshots", "viewSource"];
  const broken = await missing(state, stopped, viewer);
  const guarded = (control, gaps) => (broken ? { control, state: "notEnforced", by: "extension", gaps: [broken] } : { control, state: "partly", by: "extension", gaps });
  const settings = (state.origins ?? []).length === 0 ? [] : [
    guarded("receiveDataFrom", always),
    guarded("sendOrgDataTo", [...seen, "savePageAs"]),
    guarded("cutCopyPaste", seen),
    guarded("printOrgData", seen),
  ];
  return [
    ...settings, // of sites that are not there, nobody knows
    { control: "wipe", state: "partly", by: "extension", gaps: ["movedFiles", "savedPasswords", ...privately] },
    await configured(state),
  ];
}

// configured is how far app configuration is applied.
async function configured(state) {
  const m = meaning(state.configuration);
  if (!(await holds(m, [...(state.origins ?? []), state.signIn].filter(Boolean)))) {
    return { control: "appConfiguration", state: "notEnforced", by: "extension", gaps: ["notRegistered"] };
  }
  const states = m.settings.map((s) => s.state);
  const open = states.filter((s) => s !== "applied").length;
  const far = open === 0 ? "enforced" : states.every((s) => s === "managed" || s === "unreadable") ? "notEnforced" : "partly";
  return { control: "appConfiguration", state: far, by: "extension", gaps: open === 0 ? [] : ["managedOnly"] };
}

// missing is what the browser lacks of what the policy needs, as a word for a gap;
// "" when it has everything.
async function missing(state, stopped, viewer) {
  const origins = state.origins ?? [], held = rules(state);
  if (!(await chrome.permissions.contains({ origins: patterns(origins) }))) return "missingPermission";
  const scripts = await chrome.scripting.getRegisteredContentScripts();
  const guard = scripts.find((s) => s.id === "guard"), page = scripts.find((s) => s.id === "page");
  const files = [...[...held].map((r) => `guard/rules/${r}.js`), "guard/guard.js"];
  const covers = (s) => s && s.persistAcrossSessions && patterns(origins).every((p) => s.matches.includes(p));
  if (!covers(guard) || !covers(page) || page.world !== "MAIN" || !files.every((f) => guard.js.includes(f))) return "notRegistered";
  const there = await chrome.declarativeNetRequest.getDynamicRules();
  return there.filter((r) => r.id < first).length === headers(origins, held, stopped, viewer).length ? "" : "notRegistered";
}

// reports says it to the agent: whenever tell is called, and once more when it was
// long ago, because what is said counts for a day.
export function reports(known, say, stopped, viewer) {
  let last = 0;
  async function tell() {
    const state = await known();
    if (!state?.enrolled) return;
    last = Date.now();
    say({ type: "controls", controls: await controls(state, stopped, viewer) });
  }
  chrome.permissions.onRemoved.addListener(tell);
  chrome.permissions.onAdded.addListener(tell);
  return { tell, again: () => (Date.now() - last > 6 * 3_600_000 ? tell() : undefined) };
}
