// The console's own script. Pages work without it; with it they move.
"use strict";

// An element with data-poll is replaced by what its address gives: each second, while the page is seen, for an hour at
// the most. An answer with data-poll-done is the last.
const MOST_POLLS = 3600;

function poll(element) {
  const every = Number(element.dataset.every ?? 1000);
  let asked = 0;
  let timer = 0;
  let isUnderWay = false;

  async function ask() {
    timer = 0;
    if (document.hidden || isUnderWay) return;
    isUnderWay = true;
    try {
      const seen = element.querySelector("[data-seen]")?.dataset.seen ?? "";
      const answer = await fetch(element.dataset.poll, { headers: { "X-Seen": seen } });
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      if (answer.status !== 204 && !isHeld(element)) show(element, text);
      element.removeAttribute("data-stale");
    } catch {
      element.dataset.stale = "yes";
    } finally {
      isUnderWay = false;
    }
    asked += 1;
    if (element.querySelector("[data-poll-done]") || asked >= MOST_POLLS) return;
    timer = setTimeout(ask, every);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !timer && !isUnderWay && !element.querySelector("[data-poll-done]")) ask();
  });
  timer = setTimeout(ask, every);
}

// Nothing is replaced under a reader's selection.
function isHeld(element) {
  const selection = document.getSelection();
  return Boolean(selection && !selection.isCollapsed && element.contains(selection.anchorNode));
}

// The server escapes every value; scripts in a parsed document never run.
function show(element, text) {
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  const scrolled = [...element.querySelectorAll("[data-scroll]")].map((each) => each.scrollTop);
  element.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  [...element.querySelectorAll("[data-scroll]")].forEach((each, at) => { each.scrollTop = scrolled[at] || 0; });
  if (focused) document.getElementById(focused)?.focus();
}

document.querySelectorAll("[data-poll]").forEach((element) => {
  if (!element.querySelector("[data-poll-done]")) poll(element);
});

// A select with data-fills puts the chosen option's text into a field.
document.querySelectorAll("select[data-fills]").forEach((select) => {
  select.addEventListener("change", () => {
    const option = select.selectedOptions[0];
    if (option?.dataset.text) document.getElementById(select.dataset.fills).value = option.dataset.text;
  });
});

// The place of a query's error: the cursor goes there.
document.querySelectorAll("[data-error-line]").forEach((element) => {
  const field = document.getElementById(element.dataset.errorIn);
  const before = field.value.split("\n").slice(0, Number(element.dataset.errorLine) - 1);
  const at = before.reduce((sum, line) => sum + line.length + 1, 0) + Number(element.dataset.errorColumn) - 1;
  field.focus();
  field.setSelectionRange(at, at + 1);
});

// Ctrl+Enter in a query runs it.
document.querySelectorAll("textarea[data-submits]").forEach((field) => {
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) field.form.requestSubmit();
  });
});
