// Shows a PDF of an organization's site by the policy of that site: the browser's
// own viewer is out of reach of the guard.
import { GlobalWorkerOptions, getDocument } from "../vendor/pdfjs/pdf.min.mjs";
import { ofOrganization, rules, sentence } from "../background/policy.js";

GlobalWorkerOptions.workerSrc = "../vendor/pdfjs/pdf.worker.min.mjs";
const $ = (id) => document.getElementById(id);
const address = location.hash.slice(1);
let held = new Set(), zoom = 1, shown;

const known = async () => (await chrome.storage.local.get("state")).state ?? null;

function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

// obey makes the page what the policy allows now.
async function obey() {
  const state = await known();
  held = state ? rules(state) : new Set(["cover"]);
  document.documentElement.classList.toggle("unprintable", held.has("print"));
  document.body.classList.toggle("kept", held.has("copy"));
  document.body.classList.toggle("covered", held.has("cover"));
  $("print").hidden = held.has("print");
  $("save").hidden = held.has("send");
  problem(held.has("cover") ? "Your organization's data is covered for now. Open Postern in the toolbar to see what to do." : "");
  return state;
}

async function open() {
  const state = await obey();
  if (!state || !ofOrganization(address, state.origins ?? [])) return problem("This address is not one of your organization's sites.");
  const name = decodeURIComponent(new URL(address).pathname.split("/").pop() || "document");
  $("name").textContent = name;
  document.title = name;
  const response = await fetch(address, { credentials: "include" });
  if (!response.ok || !response.headers.get("content-type")?.startsWith("application/pdf")) {
    return problem("The document could not be read. Open the site again, and sign in if you are asked to.");
  }
  shown = await getDocument({ data: await response.arrayBuffer(), isEvalSupported: false, enableXfa: false }).promise;
  $("count").textContent = shown.numPages === 1 ? "1 page" : `${shown.numPages} pages`;
  await layOut();
}

// layOut makes room for every page and draws those that come into sight.
async function layOut() {
  const sections = [];
  for (let n = 1; n <= shown.numPages; n++) {
    const page = await shown.getPage(n);
    const whole = page.getViewport({ scale: 1 });
    const width = Math.min(whole.width * 1.4, innerWidth - 32) * zoom;
    const section = document.createElement("section");
    section.setAttribute("aria-label", `Page ${n} of ${shown.numPages}`);
    section.style.width = width + "px";
    section.style.height = width * whole.height / whole.width + "px";
    section.page = page;
    section.scale = width / whole.width;
    sections.push(section);
  }
  $("pages").replaceChildren(...sections);
  const sight = new IntersectionObserver((entries) => {
    for (const e of entries) {
      if (e.isIntersecting) {
        sight.unobserve(e.target);
        draw(e.target);
      }
    }
  }, { rootMargin: "800px" });
  for (const s of sections) sight.observe(s);
}

async function draw(section) {
  const viewport = section.page.getViewport({ scale: section.scale * devicePixelRatio });
  const canvas = document.createElement("canvas");
  canvas.width = viewport.width;
  canvas.height = viewport.height;
  canvas.setAttribute("aria-hidden", "true");
  const text = document.createElement("div");
  text.className = "text";
  text.textContent = (await section.page.getTextContent()).items.map((i) => i.str + (i.hasEOL ? "\n" : "")).join("");
  section.replaceChildren(canvas, text);
  await section.page.render({ canvas, canvasContext: canvas.getContext("2d"), viewport }).promise;
  section.dataset.drawn = "true";
}

const stop = (e) => {
  e.preventDefault();
  e.stopImmediatePropagation();
};
addEventListener("copy", (e) => {
  if (held.has("copy")) return stop(e);
  if (!held.has("copy-org")) return;
  stop(e);
  const text = getSelection().toString();
  if (!text) return;
  chrome.runtime.sendMessage({ type: "keep", text });
  e.clipboardData.setData("text/plain", sentence);
}, true);
addEventListener("dragstart", (e) => { if (held.has("copy") || held.has("copy-org")) stop(e); }, true);
addEventListener("contextmenu", (e) => { if (held.has("send") || held.has("copy")) stop(e); }, true);
addEventListener("keydown", (e) => {
  const key = e.key?.toLowerCase();
  if ((e.ctrlKey || e.metaKey) && (key === "p" && held.has("print") || key === "s" && held.has("send"))) stop(e);
}, true);
$("larger").addEventListener("click", () => { zoom = Math.min(zoom * 1.25, 4); layOut(); });
$("smaller").addEventListener("click", () => { zoom = Math.max(zoom / 1.25, 0.5); layOut(); });
$("print").addEventListener("click", () => { if (!held.has("print")) print(); });
$("save").addEventListener("click", () => { if (!held.has("send")) chrome.downloads.download({ url: address }); });
chrome.storage.onChanged.addListener((change) => { if (change.state) obey(); });

open().catch((e) => problem("The document could not be shown: " + e.message));
