// In the world of the page: what a page may call by itself. It decides nothing:
// every call asks the guard beside it, in a world that pages do not reach, by an
// event whose answer is whether it was cancelled. Everything is taken before the
// page's first script runs.
(() => {
  const { dispatchEvent } = EventTarget.prototype;
  const Ask = CustomEvent;
  const call = Function.prototype.call.bind(Function.prototype.call);
  const { defineProperty } = Object;
  const Refused = DOMException;
  const { reject, resolve } = Promise;
  const window_ = window;

  // held asks whether a rule forbids; detail says what it is about.
  const held = (what, detail) => {
    const e = new Ask("postern-ask", { cancelable: true, detail: { what, detail } });
    return !call(dispatchEvent, window_, e);
  };
  const refused = () => call(reject, Promise, new Refused("Your organization does not allow this on its sites.", "NotAllowedError"));

  const guard = (owner, name, make) => {
    const d = owner && Object.getOwnPropertyDescriptor(owner, name);
    if (!d || typeof d.value !== "function") return;
    defineProperty(owner, name, { ...d, value: make(d.value), configurable: false, writable: false });
  };

  // The clipboard's interface. Words that may only go to the organisation's sites
  // are kept by the guard, and the clipboard gets a sentence in their place.
  guard(window.Clipboard?.prototype, "writeText", (real) => function writeText(text) {
    if (held("copy")) return refused();
    const e = new Ask("postern-keep", { cancelable: true, detail: String(text) });
    if (!call(dispatchEvent, window_, e)) return call(real, this, "Copied on a site of your organization. It can be pasted on its sites only.");
    return call(real, this, text);
  });
  guard(window.Clipboard?.prototype, "write", (real) => function write(items) {
    if (held("copy") || held("copy-org")) return refused();
    return call(real, this, items);
  });
  for (const name of ["readText", "read"]) {
    guard(window.Clipboard?.prototype, name, (real) => function () {
      if (held("paste") || held("paste-org")) return refused();
      return call(real, this);
    });
  }
  guard(Document.prototype, "execCommand", (real) => function execCommand(command, ...rest) {
    const name = String(command).toLowerCase();
    if (name === "print" && held("print")) return false;
    if (name === "paste" && held("paste")) return false;
    return call(real, this, command, ...rest);
  });

  // What a page's own parts carry when they are dragged stays within the page.
  guard(window.DataTransfer?.prototype, "setData", (real) => function setData(type, data) {
    if (/^(text|url)/i.test(String(type)) && (held("copy") || held("copy-org"))) return;
    return call(real, this, type, data);
  });

  guard(window, "print", (real) => function print() {
    if (!held("print")) call(real, window_);
  });

  for (const name of ["showOpenFilePicker", "showDirectoryPicker"]) {
    guard(window, name, (real) => function (...args) {
      return held("receive") ? refused() : call(real, this, ...args);
    });
  }
  guard(window, "showSaveFilePicker", (real) => function (...args) {
    return held("send") ? refused() : call(real, this, ...args);
  });
  guard(window.HTMLInputElement?.prototype, "showPicker", (real) => function () {
    if (this.type === "file" && held("receive")) return;
    return call(real, this);
  });
  guard(window.Navigator?.prototype, "share", (real) => function (...args) {
    return held("send") ? refused() : call(real, this, ...args);
  });
  guard(window.MediaDevices?.prototype, "getDisplayMedia", (real) => function (...args) {
    return held("copy") || held("copy-org") ? refused() : call(real, this, ...args);
  });

  // A click by script on what is in no document reaches no listener of a window.
  const saves = (a) => a instanceof HTMLAnchorElement && (a.hasAttribute("download") || /^(blob|data|filesystem):/i.test(a.href));
  const takes = (e) => e instanceof HTMLInputElement && e.type === "file" || e instanceof HTMLLabelElement && e.control?.type === "file";
  const stopped = (e) => takes(e) && held("receive") || saves(e) && held("send");
  guard(HTMLElement.prototype, "click", (real) => function click() {
    if (!stopped(this)) call(real, this);
  });
  guard(EventTarget.prototype, "dispatchEvent", (real) => function (event) {
    if (this instanceof Element && event instanceof MouseEvent && event.type === "click" && stopped(this)) return false;
    return call(real, this, event);
  });

  // Inside a closed shadow root a listener of the window sees the host alone.
  guard(Element.prototype, "attachShadow", (real) => function attachShadow(init) {
    const root = call(real, this, init);
    root.addEventListener("click", (e) => {
      const hit = e.composedPath().find((n) => n instanceof Element && (takes(n) || saves(n)));
      if (hit && stopped(hit)) {
        e.preventDefault();
        e.stopImmediatePropagation();
      }
    }, true);
    root.addEventListener("change", (e) => {
      if (e.target instanceof HTMLInputElement && e.target.type === "file" && held("receive")) {
        e.target.value = "";
        e.stopImmediatePropagation();
      }
    }, true);
    return root;
  });
})();
