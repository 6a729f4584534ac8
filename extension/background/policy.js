// What a policy means in this browser: pure functions, without the browser.

// rules are the words that guards go by, from the settings of the policy. What is
// not known forbids.
export function rules(state) {
  const s = state.settings ?? {};
  const out = new Set();
  switch (s.cutCopyPaste) {
    case "anyDestinationAnySource":
      break;
    case "orgDestinationAnySource":
      out.add("copy-org");
      break;
    case "orgDestinationOrgSource":
      out.add("copy-org").add("paste-org");
      break;
    default:
      out.add("copy").add("paste");
  }
  if (s.receiveDataFrom !== "allApps") out.add("receive");
  if (s.sendOrgDataTo !== "allApps") out.add("send");
  if (s.printOrgData !== "allow") out.add("print");
  const action = state.decision?.action;
  if (action === "warn") out.add("warn");
  else if (action !== "allow") out.add("cover");
  return out;
}

// allowed reports whether the person may work.
export function allowed(state) {
  return ["allow", "warn"].includes(state.decision?.action);
}

// sentence is what the clipboard gets in the place of what only the organisation's
// sites may have. The guards of pages have it as well: they cannot import.
export const sentence = "Copied on a site of your organization. It can be pasted on its sites only.";

// patterns are match patterns for sites.
export function patterns(origins) {
  return origins.map((origin) => origin + "/*");
}

// ofOrganization reports whether an address is on one of the sites.
export function ofOrganization(url, origins) {
  return origins.includes(originOf(url));
}

// originOf is the origin of an address, also of a blob: one; "" of none.
export function originOf(url) {
  try {
    return new URL(url).origin;
  } catch {
    return "";
  }
}

// above is the rank of the rules that protect: over all of app configuration.
const above = 100_000;

// headers are the rules that the browser's own network stack enforces, for one
// site each: they hold without any script of ours.
export function headers(origins, held, page, viewer) {
  const out = [];
  let id = 1;
  const types = ["main_frame", "sub_frame"];
  for (const origin of origins) {
    const condition = { urlFilter: "|" + origin + "/", resourceTypes: types };
    const response = [];
    if (held.has("copy")) response.push({ header: "permissions-policy", operation: "append", value: "clipboard-read=(), clipboard-write=()" });
    if (held.has("copy") || held.has("copy-org")) response.push({ header: "permissions-policy", operation: "append", value: "display-capture=()" });
    if (held.has("send")) response.push({ header: "content-security-policy", operation: "append", value: sandbox });
    if (response.length > 0) out.push({ id: id++, priority: above, action: { type: "modifyHeaders", responseHeaders: response }, condition });
    if (["copy", "copy-org", "print", "send", "cover"].some((r) => held.has(r))) {
      // The browser's own viewer is out of reach of guards: ours obeys the policy.
      const pdf = [{ header: "content-type", values: ["application/pdf*"] }], saved = [{ header: "content-disposition", values: ["attachment*"] }];
      const regexFilter = "^" + origin.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") + "/.*$";
      out.push({
        id: id++, priority: above + 1, action: { type: "redirect", redirect: { regexSubstitution: viewer + "#\\0" } },
        condition: { regexFilter, resourceTypes: types, responseHeaders: pdf, excludedResponseHeaders: saved },
      });
      out.push({ id: id++, priority: above + 1, action: { type: "block" }, condition: { urlFilter: condition.urlFilter, resourceTypes: ["object"], responseHeaders: pdf } });
    }
    if (!held.has("send")) continue;
    for (const [resourceTypes, action] of [
      [["main_frame"], { type: "redirect", redirect: { url: page + "?what=download" } }],
      [["sub_frame", "object", "other"], { type: "block" }],
    ]) {
      out.push({
        id: id++, priority: above + 1, action,
        condition: { urlFilter: condition.urlFilter, resourceTypes, responseHeaders: [{ header: "content-disposition", values: ["attachment*"] }] },
      });
      out.push({
        id: id++, priority: above + 1, action,
        condition: { urlFilter: condition.urlFilter, resourceTypes, responseHeaders: [{ header: "content-type", values: files }] },
      });
    }
  }
  return out;
}

// sandbox is everything that a page may do but download.
const sandbox = "sandbox allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-top-navigation " +
  "allow-storage-access-by-user-activation allow-modals allow-pointer-lock allow-presentation allow-orientation-lock";

// files are types that a browser saves rather than shows.
const files = [
  "application/octet-stream*", "application/zip*", "application/x-*", "application/vnd.*", "application/msword*", "application/gzip*",
  "application/rtf*", "text/csv*", "text/calendar*",
];
