// App configuration: what an extension can apply of it, and what it cannot. The
// pure half is at the top; the half that changes the browser is below.

// meaning says what a configuration comes to: the home page, favourites, rules for
// addresses, and for each setting whether it is "applied", "partly" applied, needs a
// managed policy ("managed"), or cannot be read ("unreadable").
export function meaning(configuration) {
  const out = { home: "", favorites: [], folder: "", rules: [], settings: [] };
  const value = {};
  for (const { name, value: text, typed } of configuration ?? []) {
    if (!typed) continue; // pairs are for apps that know them
    let state = "managed";
    try {
      value[name] = JSON.parse(text);
      if (name === "HomepageLocation") out.home = address(value[name]);
      if (name === "ManagedFavorites") Object.assign(out, favorites(value[name]));
      if (applies.has(name)) state = "applied";
      if (name === "URLBlocklist" || name === "URLAllowlist") {
        const all = value[name];
        value[name] = all.filter(filter);
        if (value[name].length < all.length || value[name].length > most / 2) state = "partly";
        value[name] = value[name].slice(0, most / 2);
      }
    } catch {
      state = "unreadable";
      delete value[name];
    }
    out.settings.push({ name, state });
  }
  out.rules = addresses(value.URLBlocklist ?? [], value.URLAllowlist ?? []);
  return out;
}

const applies = new Set(["HomepageLocation", "ManagedFavorites", "URLBlocklist", "URLAllowlist"]);

function address(text) {
  const url = new URL(text.includes("://") ? text : "https://" + text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw new Error("no web address");
  return url.href;
}

// favorites reads the policy ManagedFavorites of Edge: entries with name and url, or
// name and children; one entry names the folder.
function favorites(list) {
  const entry = (e) => (e.children ? { title: String(e.name), children: e.children.map(entry) } : { title: String(e.name), url: address(e.url) });
  return {
    folder: String(list.find((e) => e.toplevel_name)?.toplevel_name ?? "Your organization"),
    favorites: list.filter((e) => !e.toplevel_name).map(entry),
  };
}

// filter turns one entry of a URL list into a pattern for the browser's network
// rules, and says how much it says: scheme, host with its subdomains (a dot in front:
// that host alone), port, beginning of the path. For what has another scheme, or a
// query, an extension has no rule: null.
export function filter(text) {
  if (text === "*") return { pattern: "^https?://", rank: [0, 0, 0, 0] };
  const m = /^(?:(https?|\*):\/\/)?(\.?)(\*|[\w-]+(?:\.[\w-]+)*\.?|\[[\da-fA-F:]+\])(?::(\d+))?(\/[^@?]*)?$/.exec(text);
  if (!m || /[^\x21-\x7e]|#/.test(text)) return null;
  const [, scheme, dot, named, port, said = "/"] = m;
  const host = named.toLowerCase().replace(/\.$/, ""), path = said.replace(/\*$/, "");
  if (path.includes("*")) return null;
  const name = host === "*" ? "[^/:]+" : (dot || host.startsWith("[") ? "" : "([^/:@]+\\.)?") + plain(host) + "\\.?";
  const usual = (port === "443" && scheme !== "http" && "https") || (port === "80" && scheme !== "https" && "http"); // addresses do not show it
  const where = usual ? "" : port ? ":" + port : "(:[0-9]+)?";
  return {
    pattern: "^" + (usual || (scheme && scheme !== "*" ? scheme : "https?")) + "://([^/@]*@)?" + name + where + plain(path),
    rank: host === "*" ? [0, 0, 0, path.length] : [1, dot ? 1 : 0, host.length, path.length],
  };
}

const plain = (s) => s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// most is how many rules with patterns there are: the browser takes 1,000 in all, and
// those that protect come first.
const most = 900;

// addresses are the network rules of both lists, the weakest first: a named host counts
// more than any host, one without its subdomains more than with them, then the longer
// host, then the longer path, and of two that say as much the one that allows. They
// stand below those that protect the organization's sites, which nothing may switch off.
export function addresses(blocked, allowed) {
  const rule = (text, allow) => ({ ...filter(text), allow });
  return [...blocked.map((t) => rule(t, false)), ...allowed.map((t) => rule(t, true))].sort((x, y) => {
    const i = x.rank.findIndex((r, i) => r !== y.rank[i]);
    return i < 0 ? x.allow - y.allow : x.rank[i] - y.rank[i];
  }).map(({ pattern, allow }, i) => ({ pattern, allow, priority: i + 1 }));
}

// first is where the numbers of these rules begin; enforce.js has those before.
export const first = 1_000_000;

const page = () => chrome.runtime.getURL("pages/stopped.html") + "?what=address";

let turn = Promise.resolve();

// configure applies a configuration, and takes back what the one before did. needed
// are sites that stay open whatever it says: a person who cannot sign in any more could
// not be helped.
export function configure(configuration, needed = []) {
  const next = turn.then(() => change(meaning(configuration), needed));
  turn = next.catch(() => undefined);
  return next;
}

async function change(m, needed) {
  const there = await chrome.declarativeNetRequest.getDynamicRules();
  await chrome.declarativeNetRequest.updateDynamicRules({ removeRuleIds: there.map((r) => r.id).filter((id) => id >= first), addRules: await network(m, needed) });
  await keep(m);
}

// network are the rules for addresses as the browser takes them.
async function network(m, needed) {
  if (m.rules.length === 0) return [];
  const open = needed.map((origin) => ({ pattern: "^" + plain(origin) + "/", priority: 50_000, allow: true }));
  const all = [...m.rules, ...open];
  const known = await Promise.all(all.map((r) => chrome.declarativeNetRequest.isRegexSupported({ regex: r.pattern, isCaseSensitive: true })));
  return all.filter((_, i) => known[i].isSupported).map(({ pattern, priority, allow }, i) => ({
    id: first + i, priority, action: allow ? { type: "allow" } : { type: "redirect", redirect: { url: page() } },
    condition: { regexFilter: pattern, isUrlFilterCaseSensitive: true, resourceTypes: ["main_frame"] },
  }));
}

// holds reports whether the browser has what a configuration comes to.
export async function holds(m, needed) {
  const there = (await chrome.declarativeNetRequest.getDynamicRules()).filter((r) => r.id >= first);
  const { favorites: had } = await chrome.storage.local.get("favorites");
  return there.length === (m.rules.length === 0 ? 0 : m.rules.length + needed.length) && (had ? had.of !== "" && had.of === wanted(m) : wanted(m) === "");
}

const wanted = (m) => (m.favorites.length > 0 ? JSON.stringify([m.folder, m.favorites]) : "");

// keep makes a folder of favourites, or takes it away. What the person put into it
// stays, and the folder with it.
async function keep(m) {
  const { favorites: had } = await chrome.storage.local.get("favorites");
  const want = wanted(m);
  if (had ? had.of !== "" && had.of === want : want === "") return; // one of "" was cut short
  for (const id of [...(had?.ids ?? [])].reverse()) {
    const [made] = await chrome.bookmarks.getSubTree(id).catch(() => []); // the person may have removed it
    if (made && !(made.children?.length > 0)) await chrome.bookmarks.remove(id);
  }
  await chrome.storage.local.remove("favorites");
  if (want === "") return;
  const ids = [];
  const note = async () => chrome.storage.local.set({ favorites: { of: "", ids } }); // what a crash leaves is found again
  const add = async (parentId, { title, url, children }) => {
    const made = await chrome.bookmarks.create({ parentId, title, url });
    ids.push(made.id);
    await note();
    for (const c of children ?? []) await add(made.id, c);
  };
  const [root] = await chrome.bookmarks.getTree();
  await add(root.children[0].id, { title: m.folder, children: m.favorites });
  await chrome.storage.local.set({ favorites: { of: want, ids } });
}
