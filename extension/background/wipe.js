// Selective wipe: what this profile keeps of the organisation's sites, and nothing
// else. Every step may be repeated; each says what became of it.
import { ofOrganization, originOf } from "./policy.js";

// ours is an address of the organisation's, or of a document of it that we show.
const ours = (url, origins) => ofOrganization(url, origins) || url.startsWith(chrome.runtime.getURL("pages/"));

export async function wipe(state) {
  const origins = state?.origins ?? [];
  const items = [];
  const step = async (name, job) => {
    try {
      await job();
      items.push({ name, removed: true });
    } catch (e) {
      items.push({ name, removed: false, detail: String(e.message ?? e) });
    }
  };
  const hosts = [...new Set(origins.map((o) => new URL(o).hostname))];
  await step("open pages of the organization", async () => {
    const tabs = (await chrome.tabs.query({})).filter((t) => [t.url, t.pendingUrl].some((u) => u && ours(u, origins)));
    const all = await chrome.tabs.query({});
    if (tabs.length > 0 && tabs.length === all.length) await chrome.tabs.create({}); // the browser stays open
    await chrome.tabs.remove(tabs.map((t) => t.id));
  });
  await step("what was copied", () => chrome.storage.session.remove("kept"));
  if (origins.length > 0) {
    await step("cookies, storage, caches and service workers", () =>
      chrome.browsingData.remove({ origins }, { cookies: true, cache: true, cacheStorage: true, fileSystems: true, indexedDB: true, localStorage: true, serviceWorkers: true, webSQL: true }));
  }
  await step("cookies that remained", async () => {
    for (const host of hosts) {
      for (const c of await chrome.cookies.getAll({ domain: host })) {
        await chrome.cookies.remove({ url: `http${c.secure ? "s" : ""}://${c.domain.replace(/^\./, "")}${c.path}`, name: c.name, storeId: c.storeId });
      }
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
  return items;
}
