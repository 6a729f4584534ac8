const why = { download: "Your organization prevents you from downloading this file.", address: "Your organization has closed this address in this browser profile." };
const text = why[new URLSearchParams(location.search).get("what")];
if (text) document.getElementById("why").textContent = text;
if (new URLSearchParams(location.search).get("what") === "address") {
  document.getElementById("else").textContent = "Only this work profile is affected: in your other browser profiles nothing is closed. If you need the address for your work, ask your administrator.";
}
document.getElementById("back").addEventListener("click", () => history.length > 1 ? history.back() : close());
