// The line to the agent on this PC (native messaging).
const HOST = "org.postern.agent";

// browserVersion is the full version of this browser.
export function browserVersion() {
  const brands = navigator.userAgentData?.brands ?? [];
  const edge = navigator.userAgent.match(/Edg\/([\d.]+)/) ?? navigator.userAgent.match(/Chrome\/([\d.]+)/);
  return edge?.[1] ?? brands[0]?.version ?? "0";
}

// connect holds the line and hands what comes to on; on.lost is told when the agent
// is not there for a while.
export function connect(on) {
  let port = null, problem = "", count = 0, patience = null;
  const waiting = new Map();
  const say = (m) => port?.postMessage(m);

  const gone = () => {
    problem = chrome.runtime.lastError?.message ?? "the agent ended";
    port = null;
    for (const answer of waiting.values()) answer({ error: "The Postern agent on this PC does not answer: " + problem });
    waiting.clear();
    patience ??= setTimeout(() => on.lost(), 10_000);
    setTimeout(wake, 1000);
  };
  const heard = async (m) => {
    if (m.type === "state") {
      clearTimeout(patience);
      patience = null;
      problem = "";
    }
    if (m.type === "failed") problem = m.error;
    if (["proof", "done", "sent"].includes(m.type)) {
      waiting.get(m.id)?.(m);
      waiting.delete(m.id);
    } else {
      await on[m.type]?.(m, say);
    }
  };
  function wake() {
    if (port) return;
    port = chrome.runtime.connectNative(HOST);
    port.onMessage.addListener(heard);
    port.onDisconnect.addListener(gone);
    on.hello().then(say);
  }
  return {
    wake, say,
    connected: () => port !== null && problem === "",
    problem: () => problem,
    ask: (m) => new Promise((answer) => {
      wake();
      const id = "q" + ++count;
      waiting.set(id, answer);
      say({ ...m, id });
    }),
  };
}
