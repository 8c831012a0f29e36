// What pages gain when scripts are on: theme, times in the viewer's zone, chosen rows, copying, dialogs, unsaved entries.
// Pages work without it. Everything is bound once to the document, so that parts swapped in later behave the same.
"use strict";
(() => {
  const root = document.documentElement;

  // theme: light, dark, or as the system has it
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const switchTheme = () => {
    const next = dark() ? "light" : "dark";
    root.dataset.theme = next;
    try { localStorage.setItem("theme", next); } catch { /* then it holds for this page only */ }
  };

  // times: the server writes them in the person's zone; for who chose none they become the browser's
  const short = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const shorter = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
  const localTimes = (within) => {
    if (document.body.dataset.zone !== "browser") return;
    for (const time of within.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.valueOf()) || !time.dateTime.includes("T")) continue;
      time.dataset.local = "";
      time.title = exact.format(at);
      if (!("ago" in time.dataset)) time.textContent = ("clock" in time.dataset ? clock : short).format(at);
    }
  };

  // chosen rows: the boxes of a table send to one form by its id
  const boxes = (form) => [...document.querySelectorAll(`input[type=checkbox][name=chosen][form="${CSS.escape(form.id)}"]`)];
  const countChosen = () => {
    for (const form of document.querySelectorAll("form.bulk")) {
      const all = boxes(form);
      const chosen = all.filter((box) => box.checked);
      form.toggleAttribute("data-empty", chosen.length === 0);
      for (const number of form.querySelectorAll("[data-number]")) number.textContent = `${chosen.length.toLocaleString("en")} chosen`;
      for (const box of all) box.closest("tr")?.toggleAttribute("data-chosen", box.checked);
      const head = document.querySelector(`input[data-all="${CSS.escape(form.id)}"]`);
      if (head) {
        head.checked = all.length > 0 && chosen.length === all.length;
        head.indeterminate = chosen.length > 0 && chosen.length < all.length;
      }
    }
  };

  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      return;
    }
    const word = button.querySelector("[data-copied]");
    if (!word) return;
    const before = word.textContent;
    word.textContent = word.dataset.copied;
    setTimeout(() => { word.textContent = before; }, 1500);
  };

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return;
    if (target.closest("[data-theme-switch]")) return switchTheme();
    const copied = target.closest("[data-copy]");
    if (copied) return void copy(copied);
    const opener = target.closest("button[popovertarget]");
    const dialog = opener && document.getElementById(opener.getAttribute("popovertarget"));
    if (dialog instanceof HTMLDialogElement) {
      // without this script it is a popover; with it, a dialog that keeps the keyboard inside
      event.preventDefault();
      if (opener.hasAttribute("data-close")) dialog.close();
      else if (!dialog.open) dialog.showModal();
      return;
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
  });

  document.addEventListener("change", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || box.type !== "checkbox") return;
    if (box.dataset.all) {
      const form = document.getElementById(box.dataset.all);
      if (form) for (const one of boxes(form)) one.checked = box.checked;
    }
    if (box.dataset.all || box.name === "chosen") countChosen();
  });

  // entries that are not saved: forms with data-watch say so, and leaving the page asks
  document.addEventListener("input", (event) => {
    const form = event.target instanceof Element ? event.target.closest("form[data-watch]") : null;
    if (form) form.dataset.changed = "";
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    delete form.dataset.changed;
    if (form.method === "post") {
      // a second press of the same button sends nothing: the first is on its way
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "yes";
      setTimeout(() => { delete form.dataset.sent; }, 4000);
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (document.querySelector("form[data-watch][data-changed]")) event.preventDefault();
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    countChosen();
  });

  document.addEventListener("keydown", (event) => {
    const busy = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !busy && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const box = document.querySelector("[data-find]");
      if (box) { event.preventDefault(); box.focus(); box.select(); }
    }
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary")?.focus();
      }
    }
  });

  const ready = (within) => { localTimes(within); countChosen(); };
  document.addEventListener("htmx:afterSettle", (event) => ready(event.target instanceof Element ? event.target.parentElement ?? document : document));
  document.addEventListener("htmx:oobAfterSwap", () => ready(document));
  ready(document);
})();
