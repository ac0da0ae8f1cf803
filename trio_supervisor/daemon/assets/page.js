// Makes the page live. Without it everything works by forms and links; it only spares reloading.
// What comes from the daemon is put in as text, or parsed from the page that the daemon escaped.
"use strict";
(() => {
  const LOG_CHARS = 256 * 1024; // of one log; the oldest go
  const MOST_PANELS = 3; // a browser has six connections to one server
  const RETRY = 5000;
  const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;

  const find = (selector, within = document) => within.querySelector(selector);
  const every = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  const main = find("main[data-seen]");
  if (!main) { // the page of a log: its newest lines are what one comes for
    scrollTo(0, document.documentElement.scrollHeight);
    return;
  }
  const orders = find("#orders"), filter = find("#filter"), counts = find("#counts");
  const notice = find("#notice"), live = find("#live"), software = live.textContent;
  const rows = new Map(); // target -> row
  const clocks = new Map(); // row -> [seconds, when they were so]
  const panels = new Map(); // target -> panel, the oldest first
  const told = []; // [id, rows] that were not looked at yet
  let source = null, refreshing = false, isOutdated = false;

  // ── what it says ──

  function tell(text, isGood = true) {
    notice.textContent = text;
    notice.classList.toggle("bad", !isGood);
    clearTimeout(tell.timer);
    if (isGood && text) tell.timer = setTimeout(() => tell(""), 6000);
  }

  function say(text, ...more) {
    live.replaceChildren(`${software} · ${text} `, ...more);
  }

  // ── uptime: the daemon tells it once, the browser counts on ──

  function secondsOf(text) {
    const [, days, hours, minutes, seconds] = /(?:(\d+) days?, )?(\d+):(\d+):(\d+)/.exec(text) || [];
    return hours === undefined ? null : (days || 0) * 86400 + hours * 3600 + minutes * 60 + +seconds;
  }

  function textOf(total) {
    const two = (number) => String(number).padStart(2, "0"), days = Math.floor(total / 86400);
    const rest = `${Math.floor(total / 3600) % 24}:${two(Math.floor(total / 60) % 60)}:${two(total % 60)}`;
    return days ? `${days} day${days > 1 ? "s" : ""}, ${rest}` : rest;
  }

  function setClock(row, text) {
    const seconds = secondsOf(text);
    find(".uptime", row).textContent = text;
    if (seconds === null) clocks.delete(row);
    else clocks.set(row, [seconds, performance.now()]);
  }

  function tick() {
    if (document.hidden) return;
    for (const [row, [seconds, then]] of clocks) {
      const text = textOf(seconds + Math.floor((performance.now() - then) / 1000));
      if (!row.hidden) find(".uptime", row).textContent = text;
    }
  }

  // ── rows ──

  function learn() { // what rows there are
    rows.clear();
    clocks.clear();
    for (const row of every("tr[data-target]", main)) {
      rows.set(row.dataset.target, row);
      setClock(row, find(".uptime", row).textContent);
    }
  }

  function update(changed) {
    for (const [target, state, uptime, detail, isUp] of changed) {
      const row = rows.get(target);
      if (row) change(row, state, uptime, detail, isUp ? "stop" : "start");
    }
    summarise();
    applyFilter();
  }

  function change(row, state, uptime, detail, order) {
    const isNew = row.dataset.state !== state;
    row.dataset.state = find(".dot", row).dataset.state = state;
    find(".state span", row).textContent = state;
    find(".detail", row).textContent = detail;
    setClock(row, uptime);
    const button = find("button", row), word = order[0].toUpperCase() + order.slice(1);
    button.value = `${order} ${row.dataset.target}`;
    button.textContent = word;
    button.ariaLabel = button.ariaLabel.replace(/^\w+/, word);
    row.classList.remove("changed");
    if (isNew) requestAnimationFrame(() => row.classList.add("changed"));
  }

  function summarise() {
    const found = {};
    for (const row of rows.values()) found[row.dataset.state] = (found[row.dataset.state] || 0) + 1;
    for (const link of every("a", counts)) {
      const state = link.dataset.filter;
      find("b", link).textContent = state ? found[state] || 0 : rows.size;
      link.hidden = state && !found[state];
      delete found[state];
    }
    for (const state in found) counts.append(" ", countLink(state, found[state]));
    for (const body of every("tbody.group", main)) {
      const own = every("tr[data-target]", body);
      find(".count", body).textContent = running(own);
    }
    document.title = document.title.replace(/^.*?(?= · )/, running([...rows.values()]));
  }

  function running(of) {
    return `${of.filter((row) => row.dataset.state === "RUNNING").length} of ${of.length} running`;
  }

  function countLink(state, number) {
    const dot = make("i", { className: "dot" }), link = make("a", { href: `./?filter=${state}` });
    dot.dataset.state = link.dataset.filter = state;
    link.append(dot, make("b", { textContent: number }), ` ${state}`);
    return link;
  }

  // ── the filter ──

  function applyFilter() {
    const words = filter.value.toLowerCase().split(/\s+/);
    for (const [target, row] of rows) {
      const text = `${target} ${row.dataset.state}`.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (panels.has(target)) panels.get(target).row.hidden = row.hidden;
    }
    for (const body of every("tbody", main)) {
      body.hidden = !every("tr[data-target]", body).some((row) => !row.hidden);
    }
    const nothing = find("#nothing");
    if (rows.size) nothing.textContent = "No process matches the filter.";
    nothing.hidden = every("tbody", main).some((body) => !body.hidden);
    for (const link of every("a", counts)) {
      const isCurrent = link.dataset.filter && link.dataset.filter === filter.value;
      if (isCurrent) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    orders.elements.filter.value = filter.value;
  }

  function setFilter(text) {
    filter.value = text;
    applyFilter();
    history.replaceState(null, "", text ? `?filter=${encodeURIComponent(text)}` : "./");
  }

  // ── orders ──

  async function order(button) {
    const [word, target] = button.value.split(" ");
    if (button.ariaBusy === "true") return;
    if (target === "all" && !confirm(`Really ${word} all ${rows.size} processes?`)) return;
    button.ariaBusy = "true";
    try {
      await post(button.value);
    } catch {
      tell("The daemon cannot be reached.", false);
    } finally {
      button.ariaBusy = null;
    }
  }

  async function post(value) {
    const body = new URLSearchParams({ token: orders.elements.token.value, order: value });
    const answer = await fetch("./", { method: "POST", headers: { Accept: "application/json" }, body });
    if (!answer.headers.get("Content-Type").startsWith("application/json")) {
      tell(await answer.text(), false);
      return;
    }
    const outcome = await answer.json();
    if (answer.status === 403) await refresh();
    tell(outcome.text, outcome.is_good);
  }

  // ── events ──

  function connect() {
    if (source || document.hidden) return;
    source = new EventSource(`events?after=${encodeURIComponent(main.dataset.seen)}`);
    source.onopen = () => say("live");
    source.onerror = () => {
      say("not connected, trying again");
      if (source && source.readyState === EventSource.CLOSED) {
        disconnect();
        setTimeout(connect, RETRY);
      }
    };
    source.addEventListener("rows", (event) => {
      told.push([event.lastEventId, JSON.parse(event.data)]);
      if (!refreshing) learnTold();
    });
    source.addEventListener("page", refresh);
    source.addEventListener("full", () => {
      disconnect();
      const again = make("button", { type: "button", textContent: "Resume", onclick: connect });
      say("paused, since many pages are open", again);
    });
  }

  function disconnect() {
    if (source) source.close();
    source = null;
  }

  function learnTold() { // what came while the page was fetched may be older than the page
    for (const [id, changed] of told.splice(0)) {
      const [run, number] = id.split("-"), [ours, seen] = main.dataset.seen.split("-");
      if (run !== ours || +number <= +seen) continue;
      main.dataset.seen = id;
      update(changed);
    }
  }

  async function refresh() { // groups came or went, or another daemon runs: the whole table anew
    isOutdated = true;
    if (refreshing) return;
    refreshing = true;
    try {
      while (isOutdated) {
        isOutdated = false;
        await exchange();
      }
      learnTold();
    } catch { // it has seen no more than before: a new stream begins there
      told.length = 0;
      disconnect();
      setTimeout(connect, RETRY);
    } finally {
      refreshing = false;
    }
  }

  async function exchange() {
    const text = await (await fetch("./", { cache: "no-store" })).text();
    const page = new DOMParser().parseFromString(text, "text/html");
    const other = find("main[data-seen]", page);
    if (!other) throw new Error("no page");
    const focused = document.activeElement.value;
    main.dataset.seen = other.dataset.seen;
    orders.elements.token.value = find("#orders", page).elements.token.value;
    find("table", main).replaceWith(find("table", other));
    find("h1").replaceChildren(...find("h1", page).childNodes);
    learn();
    for (const [target, panel] of panels) {
      if (rows.has(target)) attach(panel, rows.get(target));
      else close(target);
    }
    summarise();
    applyFilter();
    if (focused) every("button", main).find((one) => one.value === focused)?.focus();
  }

  // ── logs ──

  function toggle(link) {
    const row = link.closest("tr"), target = row.dataset.target;
    if (panels.has(target)) {
      close(target);
      return;
    }
    const channels = link.dataset.channels.split(" ");
    const panel = open(target, channels, link.href);
    panels.set(target, panel);
    attach(panel, row);
    follow(panel, channels[0]);
    if (panels.size > MOST_PANELS) close(panels.keys().next().value);
  }

  function open(target, channels, href) {
    const panel = { target, stop: new AbortController(), waiting: "", size: 0 };
    panel.text = make("pre", { className: "log", tabIndex: 0, role: "log", ariaLive: "off", ariaLabel: `Log of ${target}` });
    panel.note = make("span");
    panel.choices = channels.map((channel) =>
      make("button", { type: "button", textContent: channel, onclick: () => follow(panel, channel) }));
    const shut = make("button", { type: "button", textContent: "Close", onclick: () => close(target) });
    const bar = make("div", { className: "bar" }, ...panel.choices, panel.note,
      make("a", { href, textContent: "Open as page" }), shut);
    panel.row = make("tr", { className: "panel" }, make("td", { colSpan: 5 }, bar, panel.text));
    return panel;
  }

  function attach(panel, row) {
    row.after(panel.row);
    find("a.log", row).setAttribute("aria-expanded", "true");
  }

  function close(target) {
    const panel = panels.get(target), link = rows.has(target) && find("a.log", rows.get(target));
    panels.delete(target);
    panel.stop.abort();
    if (link) {
      link.removeAttribute("aria-expanded");
      if (panel.row.contains(document.activeElement)) link.focus();
    }
    panel.row.remove();
  }

  async function follow(panel, channel) {
    panel.stop.abort();
    const stop = (panel.stop = new AbortController());
    for (const one of panel.choices) one.ariaPressed = String(one.textContent === channel);
    panel.text.replaceChildren();
    panel.size = 0;
    panel.waiting = "";
    panel.note.textContent = "";
    try {
      const path = `logtail/${encodeURIComponent(panel.target)}/${channel}`;
      const answer = await fetch(path, { signal: stop.signal, cache: "no-store" });
      if (answer.ok) await read(panel, answer, stop);
      else panel.note.textContent = (await answer.text()).trim();
    } catch {
      if (!stop.signal.aborted) panel.note.textContent = "the connection was lost";
    }
  }

  async function read(panel, answer, stop) {
    panel.note.textContent = "live";
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part; !(part = await reader.read()).done && !stop.signal.aborted;) {
      if (!panel.waiting) requestAnimationFrame(() => show(panel));
      panel.waiting = (panel.waiting + part.value).slice(-LOG_CHARS);
    }
    if (!stop.signal.aborted) panel.note.textContent = "the log has ended";
  }

  function show(panel) {
    const pre = panel.text, isAtEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
    const text = panel.waiting.replace(ANSI, "");
    panel.waiting = "";
    panel.size += text.length;
    pre.append(text);
    while (panel.size > LOG_CHARS && pre.childNodes.length > 1) {
      panel.size -= pre.firstChild.length;
      pre.firstChild.remove();
    }
    if (isAtEnd) pre.scrollTop = pre.scrollHeight;
  }

  // ── what a person does ──

  orders.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter) order(event.submitter);
  });
  find("#search").addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("input", () => setFilter(filter.value));
  counts.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    setFilter(link.dataset.filter);
  });
  main.addEventListener("click", (event) => {
    const link = event.target.closest("a.log");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    toggle(link);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || /^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
    event.preventDefault();
    filter.focus();
  });
  document.addEventListener("visibilitychange", () => { // who does not look holds no connection
    if (document.hidden) disconnect();
    else connect();
  });
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", connect);

  find("#search button").hidden = true;
  find("footer a").hidden = true; // Refresh: it is fresh
  if (location.search.includes("done=")) history.replaceState(null, "", filter.value ? `?filter=${encodeURIComponent(filter.value)}` : "./");
  learn();
  if (filter.value) refresh(); // rows that the filter left out
  setInterval(tick, 1000);
  connect();
})();
