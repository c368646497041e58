// Draws the curves of training runs with uPlot, and draws them anew while a run goes on.
"use strict";

(() => {
  const root = document.querySelector("[data-charts]");
  if (!root) return;
  const EVERY = 5000, HEIGHT = 220;
  const MODALITIES = ["text", "image", "audio"];
  // Okabe & Ito (https://jfly.uni-koeln.de/color/), which colour-blind readers can tell apart
  const RUNS = matchMedia("(prefers-color-scheme: dark)").matches
    ? ["#56b4e9", "#e69f00", "#2ec4a0", "#f0e442", "#cc79a7", "#d55e00"]
    : ["#0072b2", "#d55e00", "#009e73", "#a06a00", "#cc79a7", "#56b4e9"];
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = (label, values) => ({ stroke: style("--muted"), grid: { stroke: style("--line"), width: 1 }, ticks: { stroke: style("--line"), width: 1 }, font: "12px system-ui", labelFont: "12px system-ui", label, size: label ? 46 : 54, ...(values && { values }) });
  const short = (u, splits) => splits.map((v) => v === null ? "" : Math.abs(v) >= 1e6 ? `${+(v / 1e6).toPrecision(3)}M` : Math.abs(v) >= 1e3 ? `${+(v / 1e3).toPrecision(3)}k` : Math.abs(v) < 1e-2 && v ? v.toExponential(0) : `${+v.toPrecision(3)}`);
  let plots = [];

  // Series with steps of their own, side by side on the steps of all.
  function joined(parts) {
    const xs = [...new Set(parts.flatMap((part) => part.x))].sort((a, b) => a - b);
    const at = new Map(xs.map((x, i) => [x, i]));
    return [xs, ...parts.map((part) => { const y = xs.map(() => undefined); part.x.forEach((x, i) => { y[at.get(x)] = part.y[i]; }); return y; })];
  }

  function plot(place, title, parts, options = {}) {
    if (!parts.length) return;
    const box = document.createElement("div"); box.className = "plot";
    const head = document.createElement("h3"); head.textContent = title; box.append(head); place.append(box);
    const series = parts.map((part) => ({
      label: part.label, stroke: part.color, width: part.dots ? 1.5 : 1.25, spanGaps: true, dash: part.dash,
      points: { show: Boolean(part.dots), size: 6, fill: part.color },
      value: (u, v) => v == null ? "–" : `${+v.toPrecision(4)}`,
    }));
    const made = new uPlot({
      width: Math.max(280, box.clientWidth), height: HEIGHT, legend: { live: true }, cursor: { points: { size: 5 } },
      scales: { x: { time: false, range: options.range } , y: options.log ? { distr: 3 } : {} },
      axes: [axis(options.x || "step", short), axis("", short)],
      series: [{ label: options.x || "step" }, ...series],
    }, joined(parts), box);
    plots.push([made, box]);
  }

  function draw(runs) {
    const open = document.documentElement.scrollTop;
    plots.forEach(([made]) => made.destroy()); plots = [];
    root.querySelectorAll("[data-plots]").forEach((place) => place.replaceChildren());
    const place = (name) => root.querySelector(`[data-plots=${name}]`);
    const many = runs.length > 1;
    const color = (i) => RUNS[i % RUNS.length];
    for (const name of MODALITIES) {
      const parts = [];
      runs.forEach((run, i) => {
        const tag = many ? `${run.name} ` : "", y = run.series[`bits_${name}`];
        const tint = many ? color(i) : style(`--${name}`);
        if (y) parts.push({ label: `${tag}training`, x: run.series.step, y, color: tint });
        for (const check of run.validations) {
          if (!check.bits[name] || (check.weights === "ema" && run.validations.some((c) => c.weights === "raw" && c.split === check.split) && many)) continue;
          const label = `${tag}${check.split === "validation" ? "validation" : "named sets"}${check.weights === "ema" ? " (EMA)" : ""}`;
          parts.push({ label, x: check.step, y: check.bits[name], color: check.weights === "ema" && !many ? style("--ink") : tint, dots: true });
        }
      });
      const base = runs.map((run) => run.baseline[name]).find((value) => value !== undefined);
      const steps = runs.flatMap((run) => run.series.step);
      if (parts.length && base !== undefined && steps.length) parts.push({ label: "unigram", x: [Math.min(...steps), Math.max(...steps)], y: [base, base], color: style("--muted"), dash: [6, 4] });
      plot(place("bits"), name, parts);
      const ratio = runs.flatMap((run, i) => run.validations.filter((check) => check.by_ratio[name]).slice(-1).map((check) => ({
        label: many ? run.name : "cross-entropy", x: Object.keys(check.by_ratio[name]).map(Number), y: Object.values(check.by_ratio[name]), color: many ? color(i) : style(`--${name}`), dots: true,
      })));
      plot(place("ratio"), name, ratio, { x: "mask ratio", range: [0, 1.02] });
    }
    const plain = (group, title, key, options) => plot(place(group), title, runs.flatMap((run, i) => run.series[key] ? [{ label: many ? run.name : key.replaceAll("_", " "), x: run.series.step, y: run.series[key], color: color(i) }] : []), options);
    plain("optimization", "gradient norm", "grad_norm");
    plain("optimization", "learning rate", "lr");
    plain("optimization", "skipped steps", "left_out");
    plain("speed", "tokens per second", "tokens_per_second");
    plain("speed", "MFU", "mfu");
    document.documentElement.scrollTop = open;
  }

  let runs = JSON.parse(root.dataset.charts);
  draw(runs);
  addEventListener("resize", () => plots.forEach(([made, box]) => made.setSize({ width: Math.max(280, box.clientWidth), height: HEIGHT })));
  const live = (name, text) => document.querySelectorAll(`[data-live=${name}]`).forEach((place) => { place.textContent = text; });
  const addresses = (root.dataset.poll || "").split(" ").filter(Boolean);
  const follow = async () => {
    if (!runs.some((run) => run.state === "training" || run.state === "not started")) return;
    try {
      const fresh = await Promise.all(addresses.map(async (address) => (await fetch(address)).json()));
      if (fresh.some((run, i) => run.done !== runs[i].done || run.state !== runs[i].state)) { runs = fresh; draw(runs); }
      live("state", runs[0].state); live("done", runs[0].done.toLocaleString("en-US")); live("left", runs[0].remaining);
    } catch { /* the command has ended: the last curves stay */ }
    setTimeout(follow, EVERY);
  };
  if (addresses.length) setTimeout(follow, EVERY);
})();
