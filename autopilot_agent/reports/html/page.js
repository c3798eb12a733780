"use strict";
(function () {
  const runs = Array.from(document.querySelectorAll(".run"));
  const form = document.getElementById("filter");
  const field = (id) => document.getElementById(id);
  const value = (id) => (field(id) ? field(id).value : "");
  const texts = runs.map((run) => run.querySelector("summary").textContent.toLowerCase() + " " + run.dataset.tags.toLowerCase());
  const tags = runs.map((run) => JSON.parse(run.dataset.tags));

  function apply() {
    const words = value("f-text").toLowerCase().split(/\s+/).filter(Boolean);
    const verdict = value("f-verdict"), mode = value("f-mode"), tag = value("f-tag");
    let shown = 0;
    runs.forEach((run, number) => {
      const fits = words.every((word) => texts[number].includes(word)) && (!verdict || run.dataset.verdict === verdict) &&
        (!mode || run.dataset.mode === mode) && (!tag || tags[number].includes(tag));
      run.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    field("f-count").textContent = shown + " of " + runs.length + " shown";
  }

  function reveal() {
    let target = null;
    try { target = document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch (error) { return; }
    for (let one = target; one; one = one.parentElement) {
      if (one.tagName === "DETAILS") { one.open = true; one.hidden = false; }
    }
    if (target) { target.scrollIntoView(); }
  }

  function select(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  function copied(button, done) {
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest ? event.target.closest(".copy") : null;
    if (!button) { return; }
    const code = button.parentElement.querySelector("code");
    if (navigator.clipboard) {
      navigator.clipboard.writeText(code.textContent).then(() => copied(button, true), () => { select(code); copied(button, false); });
    } else {
      select(code);
      copied(button, document.execCommand("copy"));
    }
  });
  document.querySelectorAll(".copy").forEach((button) => { button.hidden = false; });
  if (runs.length > 1) {
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(apply));
    field("f-open").addEventListener("click", () => runs.forEach((run) => { run.open = run.open || !run.hidden; }));
    field("f-close").addEventListener("click", () => runs.forEach((run) => { run.open = false; }));
    apply();
  }
  addEventListener("hashchange", reveal);
  reveal();
})();
