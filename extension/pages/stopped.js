const why = { download: "Your organization prevents you from downloading this file.", address: "Your organization has closed this address in this browser profile." };
const text = why[new URLSearchParams(location.search).get("what")];
if (text) document.getElementById("why").textContent = text;
document.getElementById("back").addEventListener("click", () => history.length > 1 ? history.back() : close());
