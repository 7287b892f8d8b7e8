// What makes the pages handier where scripts run. Every page works without.
"use strict";

const { show, hide, pending } = document.body.dataset;

// Show what is typed into a password field, and hide it again before it is sent.
for (const button of document.querySelectorAll(".reveal")) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const reveal = (shown) => {
    input.type = shown ? "text" : "password";
    input.spellcheck = false;
    button.classList.toggle("shown", shown);
    button.setAttribute("aria-label", shown ? hide : show);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    reveal(input.type === "password");
    input.focus();
  });
  input.form.addEventListener("submit", () => reveal(false));
}

// One form is sent once, and says that it is on its way. If nothing has come of it after a while, it may be sent again.
let sent = null;
const again = () => {
  if (sent) {
    sent.button.removeAttribute("aria-disabled");
    sent.button.textContent = sent.text;
  }
  sent = null;
};
document.addEventListener("submit", (event) => {
  if (sent) {
    event.preventDefault();
    return;
  }
  const button = event.submitter ?? event.target.querySelector("button:not([type])");
  sent = { button, text: button.textContent };
  button.setAttribute("aria-disabled", "true");
  button.textContent = pending;
  setTimeout(again, 10_000);
});

// A page that the browser kept is as it was before.
window.addEventListener("pageshow", again);

// Times in the reader's own zone.
const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
for (const time of document.querySelectorAll("time[datetime]")) {
  time[time.title ? "title" : "textContent"] = format.format(new Date(time.dateTime));
}
