// The backstop behind headers and guards: what is downloaded from a site of the
// organisation all the same is cancelled, and removed if it was faster.
import { ofOrganization, rules } from "./policy.js";

export function downloads(known) {
  chrome.downloads.onCreated.addListener(async (item) => {
    const state = await known();
    if (!state?.enrolled || !rules(state).has("send")) return;
    const from = [item.finalUrl, item.url, item.referrer].filter(Boolean).map((u) => u.replace(/^blob:/, ""));
    if (!from.some((u) => ofOrganization(u, state.origins))) return;
    await chrome.downloads.cancel(item.id).catch(() => undefined);
    const [now] = await chrome.downloads.search({ id: item.id });
    if (now?.state === "complete") await chrome.downloads.removeFile(item.id).catch(() => undefined);
    await chrome.downloads.erase({ id: item.id });
    const text = "Your organization prevents you from downloading this file.";
    for (const tab of await chrome.tabs.query({ active: true })) {
      if (ofOrganization(tab.url ?? "", state.origins)) chrome.tabs.sendMessage(tab.id, { type: "notice", text }).catch(() => undefined);
    }
  });
}
