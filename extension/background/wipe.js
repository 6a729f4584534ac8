// Selective wipe: what this profile keeps of the organisation's sites, and nothing
// else. Every step may be repeated; each says what became of it. That one is under
// way, and which sites it is about, is kept: the end of the browser ends no wipe.
import { configure } from "./configuration.js";
import { allowed, ofOrganization, originOf } from "./policy.js";

// ours is an address of the organisation's, or of a document of it that we show.
const ours = (url, origins) => ofOrganization(url, origins) || url.startsWith(chrome.runtime.getURL("pages/pdf.html"));

// sites keeps and returns the organisation's sites by a state. The policy goes first
// in a wipe, and its list of sites with it: then the last one counts.
export async function sites(state) {
  const origins = state.origins ?? [];
  if (!state.enrolled) return [];
  if (origins.length === 0 && !allowed(state)) return (await chrome.storage.local.get("sites")).sites ?? [];
  await chrome.storage.local.set({ sites: origins });
  if (allowed(state)) await chrome.storage.local.remove("wipe"); // enrolled anew
  return origins;
}

// resume goes on with a wipe that the end of this worker or of the browser cut short.
export async function resume() {
  if ((await chrome.storage.local.get("wipe")).wipe === "begun") await wipe();
}

// leftover wipes where nobody is enrolled any more, and not because of a wipe of this
// profile: that happened while the browser was closed, or in another profile.
export async function leftover() {
  const { sites, wipe: was } = await chrome.storage.local.get(["sites", "wipe"]);
  if (sites?.length > 0 && was !== "done") await wipe();
}

let turn = Promise.resolve();

// wipe removes everything, and returns what became of it, item by item.
export function wipe() {
  turn = turn.then(once, once);
  return turn;
}

async function once() {
  const { sites = [] } = await chrome.storage.local.get("sites");
  await chrome.storage.local.set({ wipe: "begun" });
  const items = await remove(sites);
  if (items.every((i) => i.removed)) await chrome.storage.local.set({ wipe: "done" });
  return items;
}

async function remove(origins) {
  const items = [];
  const step = async (name, job) => {
    try {
      await job();
      items.push({ name, removed: true });
    } catch (e) {
      items.push({ name, removed: false, detail: String(e.message ?? e) });
    }
  };
  await still(origins, true);
  const hosts = [...new Set(origins.map((o) => new URL(o).hostname))];
  await step("open pages of the organization", async () => {
    const tabs = (await chrome.tabs.query({})).filter((t) => [t.url, t.pendingUrl].some((u) => u && ours(u, origins)));
    const all = await chrome.tabs.query({});
    if (tabs.length > 0 && tabs.length === all.length) await chrome.tabs.create({}); // the browser stays open
    await chrome.tabs.remove(tabs.map((t) => t.id));
  });
  await step("favorites and address rules of the organization", () => configure([]));
  await step("what was copied", () => chrome.storage.session.remove("kept"));
  if (origins.length > 0) {
    await step("cookies, storage, caches and service workers", () =>
      chrome.browsingData.remove({ origins }, { cookies: true, cache: true, cacheStorage: true, fileSystems: true, indexedDB: true, localStorage: true, serviceWorkers: true, webSQL: true }));
  }
  // An answer that was under way may set a cookie once more: it is looked twice.
  await step("cookies that remained", async () => {
    for (let quiet = 0, rounds = 0; quiet < 2; rounds++) {
      if (rounds === 20) throw new Error("cookies keep coming back");
      const left = (await Promise.all(hosts.map((domain) => chrome.cookies.getAll({ domain })))).flat();
      quiet = left.length === 0 ? quiet + 1 : 0;
      for (const c of left) {
        await chrome.cookies.remove({ url: `http${c.secure ? "s" : ""}://${c.domain.replace(/^\./, "")}${c.path}`, name: c.name, storeId: c.storeId });
      }
      await new Promise((done) => setTimeout(done, 150));
    }
  });
  await step("history", async () => {
    for (const host of hosts) {
      for (const h of await chrome.history.search({ text: host, startTime: 0, maxResults: 100_000 })) {
        if (ours(h.url, origins)) await chrome.history.deleteUrl({ url: h.url });
      }
    }
  });
  await step("downloaded files", async () => {
    for (const d of await chrome.downloads.search({})) {
      if (![d.url, d.finalUrl, d.referrer].some((u) => u && ofOrganization(originOf(u), origins))) continue;
      if (d.state === "in_progress") await chrome.downloads.cancel(d.id);
      if (d.exists && d.state === "complete") await chrome.downloads.removeFile(d.id);
      await chrome.downloads.erase({ id: d.id });
    }
  });
  await still(origins, false);
  return items;
}

// still keeps the organisation's sites from being asked for anything meanwhile.
async function still(origins, on) {
  const resourceTypes = ["main_frame", "sub_frame", "xmlhttprequest", "script", "stylesheet", "image", "font", "media", "object", "ping", "websocket", "other"];
  const rules = origins.map((origin, i) => ({ id: i + 1, priority: 1_000_000, action: { type: "block" }, condition: { urlFilter: "|" + origin + "/", resourceTypes } }));
  const there = await chrome.declarativeNetRequest.getSessionRules();
  await chrome.declarativeNetRequest.updateSessionRules({ removeRuleIds: there.map((r) => r.id), addRules: on ? rules : [] });
}
