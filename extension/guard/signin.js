// On pages of the sign-in service: a page that asks for a proof of this device gets
// one, by its own form. Without this script the page shows how to install it.
(async () => {
  const nonce = document.querySelector("meta[name=mam-device-challenge]")?.content;
  const form = document.getElementById("mam-device-proof");
  if (!nonce || !(form instanceof HTMLFormElement)) return;
  const answer = await chrome.runtime.sendMessage({ type: "prove", nonce });
  if (!answer?.proof) return;
  form.elements.proof.value = answer.proof;
  HTMLFormElement.prototype.submit.call(form);
})();
