// Loads parts of a page that take a while, follows keys, scrolls through rows and shows hits while a search runs.
"use strict";

const here = (selector, root = document) => [...root.querySelectorAll(selector)];

// The answers of the server are pages of its own templates, in which everything from data is escaped.
async function load(place, address) {
  try {
    const answer = await fetch(address);
    const text = await answer.text();
    if (answer.ok) { place.innerHTML = text; dress(place); } else { show(place, text); }
  } catch (error) { place.textContent = `Cannot be loaded (${error.message}). Is the command still running?`; }
}

function show(place, text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  place.textContent = (page.querySelector(".lead") || page.body).textContent;
}

function dress(root) {
  here("[data-fragment]", root).forEach((place) => {
    const again = () => load(place, place.dataset.fragment);
    if (place.dataset.every) setInterval(again, Number(place.dataset.every)); else again();
  });
  here("details[data-lazy]", root).forEach((details) => details.addEventListener("toggle", () => {
    load(details.querySelector("div"), details.dataset.lazy);
  }, { once: true }));
  here("details[data-image]", root).forEach((details) => details.addEventListener("toggle", () => {
    const image = new Image();
    image.className = "pixels"; image.src = details.dataset.image; image.alt = details.dataset.alt;
    details.querySelector("div").replaceChildren(image);
  }, { once: true }));
}

// An original whose source is gone since: its place says so.
addEventListener("error", (event) => {
  if (!event.target.matches?.("img, audio") || event.target.closest(".lost")) return;
  const note = document.createElement("p"); note.className = "missing lost"; note.textContent = "It cannot be read any more.";
  event.target.replaceWith(note);
}, true);

// Rows are added where the window comes near an end of the list, and taken away at the other.
function scrollRows(list) {
  const { rows, count, of } = Object.fromEntries(Object.entries(list.dataset).map(([k, v]) => [k, k === "rows" ? v : Number(v)]));
  const most = 8; let busy = false;
  const fetchBlock = async (start) => {
    const answer = await fetch(`${rows}?start=${start}&part=1`);
    const holder = document.createElement("div"); holder.innerHTML = await answer.text();
    return holder.querySelector(".rowblock");
  };
  const extend = async () => {
    if (busy) return; busy = true;
    let added = false;
    try {
      const blocks = here(".rowblock", list), first = Number(blocks[0].dataset.first);
      const next = Number(blocks.at(-1).dataset.first) + count;
      const box = list.getBoundingClientRect();
      if (box.bottom < innerHeight * 2 && next < of) {
        list.append(await fetchBlock(next)); added = true;
        if (blocks.length >= most) { const gone = blocks[0].offsetHeight; blocks[0].remove(); scrollBy(0, -gone); }
      } else if (box.top > -200 && first > 0 && scrollY < 400 && scrollY > 0) {
        const block = await fetchBlock(Math.max(0, first - count));
        here(".rowline", block).slice(Math.min(count, first)).forEach((line) => line.remove());
        list.prepend(block); scrollBy(0, block.offsetHeight);
        if (blocks.length >= most) blocks.at(-1).remove();
      }
      const seen = here(".rowblock", list).find((block) => block.getBoundingClientRect().bottom > 0);
      if (seen) history.replaceState(null, "", `${rows}?start=${seen.dataset.first}`);
    } finally { busy = false; }
    if (added) extend();
  };
  addEventListener("scroll", extend, { passive: true });
  extend();
}

function slide(slider) {
  const number = slider.form.elements.start;
  slider.addEventListener("input", () => { number.value = slider.value; });
  slider.addEventListener("change", () => slider.form.requestSubmit());
}

const whole = (value) => Math.round(value).toLocaleString("en-US");

async function search(status) {
  const bar = document.querySelector("progress"), hits = document.getElementById("hits");
  const estimate = document.getElementById("estimate");
  const started = performance.now();
  const answer = await fetch(status.dataset.search);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n"); rest = lines.pop();
    for (const line of lines) {
      const part = JSON.parse(line);
      if (part.hit) { hits.insertAdjacentHTML("beforeend", part.hit); continue; }
      const r = part.report, seconds = ((performance.now() - started) / 1000).toFixed(1);
      bar.value = r.of ? r.rows / r.of : 1;
      status.textContent = r.done
        ? `${whole(r.found)} segments found in all ${whole(r.of)} rows, in ${seconds} s${r.found > hits.childElementCount ? `; the first ${hits.childElementCount} are shown` : ""}.`
        : `${whole(r.found)} segments found in ${whole(r.rows)} of ${whole(r.of)} rows.`;
      estimate.hidden = r.done || r.error === null;
      estimate.querySelector("output").textContent = `for all rows: ${whole(r.estimate)} ± ${whole(r.error || 0)}`;
    }
  }
}

function step(direction) {
  const card = here(".card a.open");
  if (card.length) {
    const at = card.indexOf(document.activeElement);
    const to = card[Math.max(0, Math.min(card.length - 1, at + direction))];
    to.focus(); to.scrollIntoView({ block: "center" });
    if (at + direction < card.length) return;
  }
  const link = document.querySelector(direction > 0 ? "a[rel=next]" : "a[rel=prev]");
  if (link) link.click();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea")) { if (event.key === "Escape") event.target.blur(); return; }
  const link = here("[data-key]").find((each) => each.dataset.key === event.key);
  if (event.key === "/" && document.querySelector("[data-focus]")) document.querySelector("[data-focus]").focus();
  else if (link) link.click();
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "g") document.querySelector(".go input")?.focus();
  else if (event.key === "?") document.getElementById("keys").togglePopover();
  else return;
  event.preventDefault();
});

dress(document);
here("[data-rows]").forEach(scrollRows);
here("[data-slider]").forEach(slide);
here("[data-search]").forEach(search);
