// Has a passkey sign what the page's form asks it to, and sends the form with that.
"use strict";

const form = document.getElementById("passkey");
const problem = document.getElementById("passkey-problem");

function tell(text) {
  problem.textContent = text;
  problem.hidden = false;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    tell("This browser takes no passkeys on this page: it is too old, or the page is not of https.");
    return;
  }
  const options = JSON.parse(form.dataset.options);
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = await navigator.credentials.get({ publicKey });
    form.elements.passkey_assertion.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (error) {
    tell(
      error.name === "SecurityError"
        ? `Passkeys are for ${options.rpId} here, and this page has another address. Please open it there.`
        : "The passkey has not signed. Please try again, with one that is registered here.",
    );
  }
});
