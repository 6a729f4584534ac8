// The guard of a page of the organisation, in a world that the page does not
// reach. Its rules are there before the page is: each is a file that was
// registered beside this one (guard/rules), so that nothing is asked first. A
// change of policy comes by message.
(() => {
  if (globalThis.posternGuard) return;
  globalThis.posternGuard = true;
  const rules = globalThis.posternRules ?? (globalThis.posternRules = new Set());
  const sentence = "Copied on a site of your organization. It can be pasted on its sites only.";

  const stop = (e) => {
    e.preventDefault();
    e.stopImmediatePropagation();
  };
  const on = (type, f) => window.addEventListener(type, f, true);
  const send = (message) => {
    try {
      return chrome.runtime.sendMessage(message).catch(() => undefined);
    } catch {
      return Promise.resolve(undefined); // the extension was updated or removed under this page
    }
  };

  // ---- what the page's own calls ask ----
  const says = {
    copy: "copying content from", "copy-org": "copying content from", paste: "pasting content into", "paste-org": "pasting content from elsewhere into",
    print: "printing", receive: "uploading files to", send: "downloading files from",
  };
  const held = (what) => {
    if (!rules.has(what)) return false;
    notice(`Your organization prevents you from ${says[what]} this website.`);
    return true;
  };
  on("postern-ask", (e) => {
    e.stopImmediatePropagation();
    if (rules.has(e.detail?.what)) {
      held(e.detail.what);
      e.preventDefault();
    }
  });
  on("postern-keep", (e) => {
    e.stopImmediatePropagation();
    if (!rules.has("copy-org") || typeof e.detail !== "string") return;
    keep({ text: e.detail });
    e.preventDefault();
  });

  // ---- clipboard ----
  const field = (e) => {
    const t = e.composedPath()[0];
    return t instanceof HTMLTextAreaElement || t instanceof HTMLInputElement ? t : null;
  };
  const chosen = (e) => {
    const f = field(e);
    if (f) return { text: f.value.slice(f.selectionStart ?? 0, f.selectionEnd ?? 0) };
    const s = document.getSelection();
    const box = document.createElement("div");
    for (let i = 0; i < (s?.rangeCount ?? 0); i++) box.append(s.getRangeAt(i).cloneContents());
    return { text: s?.toString() ?? "", html: box.innerHTML };
  };
  // kept is what was copied here last; other pages of the organisation get it from
  // the extension.
  let kept = null;
  const keep = (what) => {
    kept = what;
    send({ type: "keep", ...what });
  };
  for (const type of ["copy", "cut"]) {
    on(type, (e) => {
      if (held("copy")) return stop(e);
      if (!rules.has("copy-org")) return;
      const what = chosen(e);
      stop(e);
      if (!what.text) return;
      keep(what);
      e.clipboardData?.setData("text/plain", sentence);
      if (type === "cut") document.execCommand("delete");
    });
  }
  on("paste", (e) => {
    if (rules.has("receive") && e.clipboardData?.files.length > 0) {
      held("receive");
      return stop(e);
    }
    if (held("paste")) return stop(e);
    const ours = e.clipboardData?.getData("text/plain") === sentence;
    if (ours && (rules.has("copy-org") || rules.has("paste-org"))) {
      stop(e);
      return insert(e.composedPath()[0]);
    }
    if (held("paste-org")) stop(e);
  });
  const insert = async (target) => {
    const what = kept ?? (await send({ type: "kept" }));
    if (!what?.text) return;
    target.focus?.();
    if (what.html && !(target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement) && document.execCommand("insertHTML", false, what.html)) return;
    document.execCommand("insertText", false, what.text);
  };
  on("beforeinput", (e) => {
    if (e.inputType !== "insertFromPaste" && e.inputType !== "insertFromDrop" || !e.isTrusted || !e.dataTransfer && !e.data) return;
    if (rules.has("paste") && e.inputType === "insertFromPaste") stop(e);
  });

  // ---- dragging: the clipboard of the mouse, and files in and out ----
  let ours = false; // what is dragged began on this page
  on("dragstart", (e) => {
    ours = true;
    if (!rules.has("copy") && !rules.has("copy-org") && !rules.has("send")) return;
    const at = e.composedPath().find((n) => n instanceof Element && n.getAttribute("draggable") === "true");
    if (at) return; // a page that moves its own parts
    held(rules.has("send") && !rules.has("copy") && !rules.has("copy-org") ? "send" : rules.has("copy") ? "copy" : "copy-org");
    stop(e);
  });
  on("dragend", () => { ours = false; });
  for (const type of ["dragenter", "dragover", "drop"]) {
    on(type, (e) => {
      const types = [...(e.dataTransfer?.types ?? [])];
      const file = types.includes("Files");
      const words = !ours && types.some((t) => t.startsWith("text/"));
      const rule = file && rules.has("receive") ? "receive" : words && rules.has("paste") ? "paste" : words && rules.has("paste-org") ? "paste-org" : "";
      if (!rule) return;
      if (type === "drop") held(rule);
      if (e.dataTransfer) e.dataTransfer.dropEffect = "none";
      stop(e);
    });
  }

  // ---- files ----
  const takes = (n) => n instanceof HTMLInputElement && n.type === "file" || n instanceof HTMLLabelElement && n.control?.type === "file";
  const saves = (n) => n instanceof HTMLAnchorElement && (n.hasAttribute("download") || /^(blob|data|filesystem):/i.test(n.href));
  for (const type of ["click", "auxclick"]) {
    on(type, (e) => {
      for (const n of e.composedPath()) {
        if (!(n instanceof Element)) continue;
        if (takes(n) && held("receive") || saves(n) && held("send")) return stop(e);
      }
    });
  }
  for (const type of ["change", "input"]) {
    on(type, (e) => {
      const n = e.composedPath()[0];
      if (n instanceof HTMLInputElement && n.type === "file" && n.files?.length > 0 && held("receive")) {
        n.value = "";
        stop(e);
      }
    });
  }

  // ---- print ----
  on("keydown", (e) => {
    const key = e.key?.toLowerCase();
    if (!(e.ctrlKey || e.metaKey)) return;
    if (key === "p" && held("print")) stop(e);
    if (key === "s" && held("send")) stop(e);
  });
  const style = document.createElement("style");
  style.textContent = "@media print { html > * { display: none !important } html::before { content: 'Printing is blocked by your organization.'; font: 16pt sans-serif } }";
  const printable = () => {
    if (!rules.has("print")) style.remove();
    else if (!style.isConnected) document.documentElement?.append(style);
  };
  on("beforeprint", () => {
    printable();
    held("print");
  });

  // ---- what the person is told ----
  let box, line, timer;
  const notice = (text) => {
    if (window.top !== window) return void send({ type: "notice", text });
    if (!box) {
      box = document.createElement("postern-notice");
      const root = box.attachShadow({ mode: "closed" });
      root.innerHTML = `<style>
        p { position: fixed; z-index: 2147483647; right: 16px; bottom: 16px; max-width: 22rem; margin: 0; padding: 12px 16px; border-radius: 8px;
          background: #1b2733; color: #fff; font: 14px/1.4 system-ui, sans-serif; box-shadow: 0 4px 16px rgb(0 0 0 / .35) }
        @media print { p { display: none } }
      </style><p role="alert"></p>`;
      line = root.querySelector("p");
    }
    line.textContent = text;
    if (!box.isConnected) document.documentElement?.append(box);
    clearTimeout(timer);
    timer = setTimeout(() => box.remove(), 6000);
  };

  // ---- cover: the page is not shown while access is cut ----
  let cover, said = globalThis.posternDecision ?? null;
  const covered = () => {
    if (!rules.has("cover") && !rules.has("warn")) return void cover?.remove();
    if (window.top !== window && !rules.has("cover")) return;
    cover?.remove();
    cover = document.createElement("postern-cover");
    const root = cover.attachShadow({ mode: "closed" });
    const blocked = rules.has("cover");
    root.innerHTML = `<style>
      :host { all: initial }
      section { position: fixed; z-index: 2147483646; left: 0; right: 0; ${blocked ? "inset: 0; overflow: auto;" : "top: 0;"} box-sizing: border-box; padding: ${blocked ? "12vh 24px 24px" : "12px 24px"};
        background: ${blocked ? "#f4f6f8" : "#fff4ce"}; color: #1b2733; font: 16px/1.5 system-ui, sans-serif }
      div { max-width: 40rem; margin: 0 auto } h1 { font-size: 1.5rem; margin: 0 0 .5rem } li { margin: .5rem 0 } p { margin: 0 } ul { list-style: none; padding: 0 } ol { padding-left: 1.4rem }
      button { font: inherit; padding: 6px 14px; border-radius: 6px; border: 1px solid #1b2733; background: transparent; color: inherit; cursor: pointer }
      @media (prefers-color-scheme: dark) { section { background: ${blocked ? "#10171e" : "#4a3b00"}; color: #e8eef4 } button { border-color: #e8eef4 } }
    </style><section role="${blocked ? "dialog" : "status"}" aria-label="Postern"><div><h1></h1><ul></ul></div></section>`;
    root.querySelector("h1").textContent = blocked ? "Your organization's data is covered for now" : "Something needs your attention";
    const list = root.querySelector("ul");
    const reasons = said?.reasons?.length ? said.reasons : [{ text: "Whether this PC is healthy is not known yet." }];
    for (const r of reasons) {
      const item = document.createElement("li");
      const steps = document.createElement("ol");
      for (const s of r.steps ?? []) steps.append(Object.assign(document.createElement("li"), { textContent: s }));
      item.append(Object.assign(document.createElement("p"), { textContent: /[.!?]$/.test(r.text) ? r.text : r.text + "." }), steps);
      list.append(item);
    }
    if (blocked) root.querySelector("div").append(Object.assign(document.createElement("p"), { textContent: "The page comes back by itself when this is put right, with what you wrote on it." }));
    if (!blocked) {
      const button = document.createElement("button");
      button.textContent = "Dismiss";
      button.addEventListener("click", (e) => { if (e.isTrusted) cover.remove(); });
      root.querySelector("div").append(button);
    }
    document.documentElement?.append(cover);
  };
  const hidden = document.createElement("style");
  hidden.textContent = "html > :not(postern-cover) { display: none !important }";
  const apply = () => {
    printable();
    if (rules.has("cover")) document.documentElement?.append(hidden);
    else hidden.remove();
    covered();
  };
  // A page may take away what was put into it; then it is put there again.
  const watch = new MutationObserver(() => {
    if (rules.has("cover") && (!cover?.isConnected || !hidden.isConnected)) apply();
    if (rules.has("print") && !style.isConnected) printable();
  });
  const begin = () => {
    if (!document.documentElement) return void requestAnimationFrame(begin);
    apply();
    watch.observe(document.documentElement, { childList: true });
    watch.observe(document, { childList: true });
  };
  begin();

  chrome.runtime.onMessage.addListener((m) => {
    if (m?.type === "rules") {
      rules.clear();
      for (const r of m.rules) rules.add(r);
      said = m.decision ?? null;
      if (!rules.has("copy-org")) kept = null;
      apply();
    }
    if (m?.type === "notice" && window.top === window) notice(String(m.text));
    if (m?.type === "kept") kept = null; // another page copied later
  });
})();
