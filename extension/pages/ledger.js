// What was really sent from this PC, and how far the policy is enforced: as the agent
// keeps it, shown in tables.
const $ = (id) => document.getElementById(id);
const labels = {
  receiveDataFrom: "Uploads", sendOrgDataTo: "Downloads", cutCopyPaste: "Copy and paste", printOrgData: "Printing",
  wipe: "Removing your organization's data", appConfiguration: "Settings of your organization",
};
const states = { enforced: "yes", partly: "partly", notEnforced: "no", unknown: "not known" };

// rows are a row of cells, and under it one across all of them.
function rows(cells, below) {
  const head = document.createElement("tr"), more = document.createElement("tr");
  for (const [i, text] of cells.entries()) head.append(Object.assign(document.createElement(i === 0 ? "th" : "td"), { textContent: text, ...(i === 0 && { scope: "row" }) }));
  more.append(Object.assign(document.createElement("td"), { textContent: below, colSpan: cells.length, className: "below" }));
  return below === "" ? [head] : [head, more];
}

// content is a body as it was sent; of a secret, that it is one.
function content(m) {
  return m.tooLong ? `${m.tooLong} bytes, too long to be kept` : JSON.stringify(m.body, null, 1);
}

async function show() {
  const told = await chrome.runtime.sendMessage({ type: "sent" });
  $("ledger").hidden = !told?.sent?.length;
  $("controls").tBodies[0].replaceChildren(...(told?.controls ?? []).flatMap((c) => rows([labels[c.control] ?? c.control, states[c.state] ?? c.state], (c.gaps ?? []).join("\n"))));
  $("sent").tBodies[0].replaceChildren(...(told?.sent ?? []).flatMap((m) => rows([m.message, m.count, new Date(m.at).toLocaleString()], content(m))));
}

chrome.storage.onChanged.addListener((change) => { if (change.state) show(); });
show();
