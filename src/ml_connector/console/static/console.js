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
  const toSecond = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
  const localTimes = (within) => {
    if (document.body.dataset.zone !== "browser") return;
    for (const time of within.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.valueOf()) || !time.dateTime.includes("T")) continue;
      time.dataset.local = "";
      time.title = exact.format(at);
      const today = time.dataset.clock && new Date(time.dataset.clock).toDateString() === at.toDateString();
      const form = "seconds" in time.dataset ? toSecond : today ? clock : time.dataset.short === String(at.getFullYear()) ? shorter : short;
      if (!("ago" in time.dataset)) time.textContent = form.format(at);
    }
  };

  // days to look from and to are meant in the browser's zone, too, and it is named beside them
  const localDays = (within) => {
    if (document.body.dataset.zone !== "browser") return;
    for (const field of within.querySelectorAll("input[data-own-zone]")) {
      field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
      for (const said of field.form.querySelectorAll("label .muted")) said.textContent = said.textContent.replace(field.dataset.ownZone, field.value);
      delete field.dataset.ownZone;
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

  // small tables that are whole on their page sort by their headings: up, down, and as they were. Lists of several
  // pages have links in their headings, and the server sorts them. Tables that are filled in stay as they are
  const orders = new Map(); // caption to [heading, way]: a part that was fetched anew keeps its order
  const heading = (table) => table.caption?.textContent ?? "";
  const grouped = /(\d),(?=\d{3}(?!\d))/g; // a comma between thousands
  const sortKey = (cell) => {
    const at = cell.dataset.sort === undefined && cell.querySelector("time[datetime]")?.getAttribute("datetime");
    const figure = cell.querySelector(".figure");
    const shown = (cell.dataset.sort ?? (at || (figure ?? cell).textContent)).trim();
    const text = shown === "\u2013" ? "" : shown.replace(grouped, "$1").replace(/^\u2212/, "-");
    const number = at ? Date.parse(at) : /^-?\d+(\.\d+)?( ?%)?$/.test(text) ? Number.parseFloat(text) : NaN;
    return { text, number, currency: cell.querySelector(".currency")?.textContent ?? "" };
  };
  const compare = (one, other) => {
    const words = Number.isNaN(one.number) - Number.isNaN(other.number);
    if (words) return words; // figures before words
    if (Number.isNaN(one.number)) return one.text.localeCompare(other.text, "en", { numeric: true, sensitivity: "base" });
    if (one.currency !== other.currency) return one.currency < other.currency ? -1 : 1;
    return one.number - other.number;
  };
  const sortKeys = (rows, column) => {
    const keys = new Map(rows.map((row) => [row, column < 0 ? null : sortKey(row.cells[column])]));
    const found = [...keys.values()].filter((key) => key?.text);
    const first = found.map((key) => key.currency).filter(Boolean).sort()[0] ?? "";
    for (const key of found) key.currency ||= first; // what names no currency, such as 0, is a sum in any
    return keys;
  };
  const order = (table) => {
    const [name, way] = orders.get(heading(table)) ?? [];
    const body = table.tBodies[0];
    let column = -1;
    for (const head of table.tHead.rows[0].cells) {
      const on = way && head.textContent === name;
      if (on) column = head.cellIndex;
      if (on) head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    const rows = [...body.rows];
    rows.forEach((row, place) => { row.dataset.place ??= String(place); });
    const key = sortKeys(rows, column);
    rows.sort((one, other) => {
      const totals = one.classList.contains("total") - other.classList.contains("total");
      const [a, b] = [key.get(one), key.get(other)];
      if (totals || !a) return totals || one.dataset.place - other.dataset.place;
      if (!a.text !== !b.text) return a.text ? -1 : 1; // what says nothing comes last, either way
      return way * compare(a, b) || one.dataset.place - other.dataset.place;
    });
    body.append(...rows);
  };
  const sortable = (within) => {
    for (const table of within.querySelectorAll("table.rows:not(.diff, .three, [data-fixed]), table[data-sorts]")) {
      const head = table.tHead?.rows[0], rows = [...(table.tBodies[0]?.rows ?? [])];
      const paged = table.closest(".table-box")?.nextElementSibling?.matches("nav.pager");
      const filled = table.closest("form") && table.querySelector("input, select, textarea");
      if (!head || table.dataset.sortable || paged || filled || table.tBodies.length > 1 || head.querySelector("a")) continue;
      if (rows.filter((row) => !row.classList.contains("total")).length < 2) continue;
      if (rows.some((row) => row.cells.length !== head.cells.length)) continue;
      table.dataset.sortable = "";
      for (const cell of head.cells) {
        if ("fixed" in cell.dataset || cell.querySelector(".hidden-text, input") || !cell.textContent.trim()) continue;
        const cells = rows.filter((row) => !row.classList.contains("total")).map((row) => row.cells[cell.cellIndex]);
        const several = (one) => !("sort" in one.dataset) && one.querySelectorAll(".figure").length > 1;
        if (cells.some(several)) continue; // which of the figures would it be?
        const button = document.createElement("button");
        button.type = "button";
        button.className = "sorts";
        button.append(...cell.childNodes);
        cell.append(button);
      }
      if (orders.has(heading(table))) order(table);
    }
  };
  const sortBy = (button) => {
    const cell = button.closest("th"), table = button.closest("table");
    const was = cell.getAttribute("aria-sort");
    if (was === "descending") orders.delete(heading(table));
    else orders.set(heading(table), [cell.textContent, was ? -1 : 1]);
    order(table);
  };

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return;
    const sorts = target.closest("button.sorts");
    if (sorts) return sortBy(sorts);
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

  // a page that is told to load anew does so when nothing is asked or typed on it: the next look tells it once more
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const anew = event.detail.xhr.getResponseHeader("HX-Refresh") === "true";
    if (anew && document.querySelector("dialog[open], form[data-watch][data-changed]")) event.preventDefault();
  });

  const ready = (within) => { localTimes(within); localDays(within); sortable(within); countChosen(); };
  document.addEventListener("htmx:afterSettle", (event) => ready(event.target instanceof Element ? event.target.parentElement ?? document : document));
  document.addEventListener("htmx:oobAfterSwap", () => ready(document));
  ready(document);
})();
