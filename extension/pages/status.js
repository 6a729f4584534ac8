import { meaning } from "../background/configuration.js";

const $ = (id) => document.getElementById(id);
const words = {
  cutCopyPaste: { anyDestinationAnySource: "allowed", orgDestinationAnySource: "out to your organization's sites only", orgDestinationOrgSource: "within your organization's sites only", none: "not allowed" },
  receiveDataFrom: { allApps: "allowed", none: "not allowed" }, sendOrgDataTo: { allApps: "allowed", none: "not allowed" }, printOrgData: { allow: "allowed", block: "not allowed" },
};
const labels = { cutCopyPaste: "Copy and paste", receiveDataFrom: "Uploads", sendOrgDataTo: "Downloads", printOrgData: "Printing" };
// The service has not answered a PC that was enrolled a moment ago.
const fresh = (state) => state.decision.reasons?.some((r) => r.code === "notCheckedIn");
const headlines = { allow: "You are protected and healthy", warn: "Something needs your attention", block: "Access is blocked for now", wipe: "Your organization's data is removed" };

async function show() {
  const { state, connected, problem } = await chrome.runtime.sendMessage({ type: "status" });
  $("facts").replaceChildren();
  $("reasons").replaceChildren();
  $("managed").hidden = !state?.enrolled;
  $("act").hidden = !connected;
  if (!connected) {
    $("headline").textContent = "The Postern agent does not answer";
    $("summary").textContent = "Install it on this PC, or start it. " + (problem ? `(${problem})` : "");
    return;
  }
  if (!state?.enrolled) {
    $("headline").textContent = "This browser profile is not protected yet";
    $("summary").textContent = "Sign in with your work account to open your organization's sites. Your own files, accounts and browser profile are never touched.";
    $("act").textContent = "Sign in with your work account";
    $("act").onclick = () => act("enroll");
    return;
  }
  $("headline").textContent = fresh(state) ? "Your organization is looking at this PC…" : headlines[state.decision.action] ?? headlines.block;
  $("summary").textContent = "";
  for (const r of state.decision.reasons ?? []) {
    const item = document.createElement("li"), steps = document.createElement("ol");
    for (const s of r.steps ?? []) steps.append(Object.assign(document.createElement("li"), { textContent: s }));
    item.append(/[.!?]$/.test(r.text) ? r.text : r.text + ".", steps);
    $("reasons").append(item);
  }
  const fact = (name, value) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = value;
    $("facts").append(dt, dd);
  };
  fact("Sites", (state.origins ?? []).join(", ") || "none");
  for (const [name, label] of Object.entries(labels)) fact(label, words[name][state.settings[name]] ?? "not allowed");
  configuration(state.configuration);
  $("act").textContent = "Sign out, and end the protection";
  $("act").onclick = () => act("sign-out");
}

const done = { applied: "applied", partly: "applied in part; the rest needs a managed policy of the browser", managed: "needs a managed policy of the browser", unreadable: "cannot be read" };

// configuration shows what became of app configuration.
function configuration(all) {
  const m = meaning(all);
  $("home").hidden = m.home === "";
  $("home").firstElementChild.href = m.home || "#";
  $("configuration").hidden = m.settings.length === 0;
  $("configuration").querySelector("tbody").replaceChildren(...m.settings.map(({ name, state }) => {
    const row = document.createElement("tr");
    for (const text of [name, done[state]]) row.append(Object.assign(document.createElement("td"), { textContent: text }));
    return row;
  }));
}

async function act(type) {
  $("act").disabled = true;
  $("summary").textContent = type === "enroll" ? "Sign in on the page that opens." : "Removing your organization's data from this browser profile…";
  const { error } = await chrome.runtime.sendMessage({ type });
  $("act").disabled = false;
  await show();
  if (error) $("summary").textContent = error;
}

chrome.storage.onChanged.addListener((change) => { if (change.state) show(); });
show();
