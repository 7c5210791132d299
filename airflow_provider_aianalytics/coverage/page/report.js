// The theme of Airflow's UI, then a line of text for the day or week under the pointer or the keyboard's cursor.
(() => {
  const root = document.documentElement;
  const followTheme = () => {
    let theme = null;
    try { theme = localStorage.getItem("theme"); } catch { /* a file, or storage that is switched off */ }
    if (theme === "dark" || theme === "light") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  followTheme();
  addEventListener("storage", followTheme);

  const tip = document.getElementById("tip");
  const labels = {};
  for (const item of document.querySelectorAll("[data-sign]")) labels[item.dataset.sign] = item.dataset.label;

  const textsOf = (chart) => {
    if (chart.dataset.tips !== undefined) return chart.dataset.tips.split("|");
    const rows = chart.dataset.rows.split(" ");
    const first = Date.parse(chart.dataset.first);
    return [...chart.dataset.states].map((sign, place) => {
      const day = new Date(first + place * 86400000).toISOString().slice(0, 10);
      return `${day} ${labels[sign]}${rows[place] ? `, ${Number(rows[place]).toLocaleString("en-US")} rows` : ""}`;
    });
  };

  for (const chart of document.querySelectorAll(".chart")) {
    const start = Number(chart.dataset.start), all = Number(chart.dataset.all);
    const [, , breadth, height] = chart.getAttribute("viewBox").split(" ").map(Number);
    const cursor = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    cursor.setAttribute("class", "cursor");
    let texts = null, place = -1;

    const show = (wanted) => {
      texts ??= textsOf(chart);
      if (!texts.length) return;
      place = Math.max(0, Math.min(texts.length - 1, wanted));
      const box = chart.getBoundingClientRect(), width = breadth / all;
      for (const [name, value] of Object.entries({ x: (start + place) * width, y: 0, width, height }))
        cursor.setAttribute(name, value);
      chart.append(cursor);
      chart.setAttribute("aria-valuenow", place);
      chart.setAttribute("aria-valuetext", texts[place]);
      tip.textContent = texts[place];
      tip.hidden = false;
      const middle = box.left + ((start + place + 0.5) / all) * box.width - tip.offsetWidth / 2;
      tip.style.left = `${Math.max(4, Math.min(innerWidth - tip.offsetWidth - 4, middle))}px`;
      tip.style.top = `${box.top - tip.offsetHeight - 6 < 0 ? box.bottom + 6 : box.top - tip.offsetHeight - 6}px`;
    };
    const hide = () => { tip.hidden = true; cursor.remove(); };

    chart.tabIndex = 0;
    chart.setAttribute("role", "slider");
    chart.setAttribute("aria-valuemin", 0);
    chart.setAttribute("aria-valuemax", Math.max(0, (chart.dataset.tips ?? chart.dataset.states).split(chart.dataset.tips === undefined ? "" : "|").length - 1));
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      show(Math.floor(((event.clientX - box.left) / box.width) * all) - start);
    });
    chart.addEventListener("pointerleave", hide);
    chart.addEventListener("focus", () => { if (chart.matches(":focus-visible")) show(place < 0 ? Infinity : place); });
    chart.addEventListener("blur", hide);
    chart.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -7, PageUp: 7, Home: -Infinity, End: Infinity };
      if (event.key === "Escape") hide();
      if (!(event.key in steps)) return;
      event.preventDefault();
      show(place + steps[event.key]);
    });
  }
})();
