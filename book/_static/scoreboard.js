// The scoreboard's rows: searched, filtered by their word, and taken along as CSV. Without this
// script the page has the same rows, folded.
(function () {
  "use strict";

  const wordOf = (row) => {
    const mark = row.querySelector(".ft-verdict");
    return mark ? mark.textContent.trim() : "";
  };

  const make = (name, fields, ...children) => {
    const node = Object.assign(document.createElement(name), fields);
    node.append(...children);
    return node;
  };

  const csvOf = (rows, heads, paper) => {
    const quoted = (text) => `"${text.replace(/\s+/g, " ").trim().replace(/"/g, '""')}"`;
    const below = (row) => row.closest("details").querySelector("summary .ft-says").textContent;
    const lines = rows.map((row) => [paper, below(row), ...[...row.cells].map((c) => c.textContent)]);
    return [["Paper", "Below", ...heads], ...lines].map((line) => line.map(quoted).join(",")).join("\r\n");
  };

  const save = (name, text) => {
    const url = URL.createObjectURL(new Blob(["\ufeff" + text], { type: "text/csv" }));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };

  const equip = (section) => {
    const folds = [...section.querySelectorAll("details.ft-fold")];
    const rows = folds.flatMap((fold) => [...fold.querySelectorAll("tbody tr")]);
    if (!rows.length) return;
    const heads = [...folds[0].querySelectorAll("thead th")].map((head) => head.textContent);
    const words = [...new Set(rows.map(wordOf))].filter(Boolean);
    const search = make("input", { type: "search", placeholder: "a word of the claim" });
    const pick = make("select", {}, make("option", { value: "", textContent: "every verdict" }));
    pick.append(...words.map((word) => make("option", { value: word, textContent: word })));
    const told = make("span", { role: "status" });
    const shown = () => rows.filter((row) => !row.hidden);
    const filter = () => {
      const asked = search.value.trim().toLowerCase();
      const active = asked || pick.value;
      rows.forEach((row) => {
        const fits = (!asked || row.textContent.toLowerCase().includes(asked)) &&
          (!pick.value || wordOf(row) === pick.value);
        row.hidden = !fits;
      });
      folds.forEach((fold) => {
        const any = [...fold.querySelectorAll("tbody tr")].some((row) => !row.hidden);
        fold.hidden = !any;
        fold.open = Boolean(active) && any;
      });
      told.textContent = active ? `${shown().length} of ${rows.length} rows` : "";
    };
    search.addEventListener("input", filter);
    pick.addEventListener("change", filter);
    const csv = make("button", { type: "button", textContent: "CSV" });
    csv.addEventListener("click", () => save(`${section.id}.csv`, csvOf(shown(), heads, section.id)));
    const bar = make("p", { className: "ft-filter" },
      make("label", {}, "Search ", search), " ", make("label", {}, "Verdict ", pick), " ", csv, " ", told);
    folds[0].before(bar);
  };

  document.addEventListener("DOMContentLoaded", () => {
    const inner = [...document.querySelectorAll("section")].filter(
      (one) => one.querySelector("details.ft-fold") && !one.querySelector("section"));
    inner.forEach(equip);
  });
})();
