// Draws the plots of a report with uPlot, from the data in <script id="plots">; see mlship/reports/drawing.py.
"use strict";
(() => {
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const places = [...document.querySelectorAll(".plot")];
  const root = document.documentElement;
  const DASHES = [[], [], [7, 5], [], [7, 5], [2, 5]]; // by colour, as in style.css: no line is known by colour alone
  const FONT = "12px system-ui, sans-serif";
  const UNITS = {
    s: [[1e-6, 1e9, " ns"], [1e-3, 1e6, " µs"], [1, 1e3, " ms"], [Infinity, 1, " s"]],
    B: [[1e3, 1, " B"], [1e6, 1e-3, " kB"], [1e9, 1e-6, " MB"], [Infinity, 1e-9, " GB"]],
  };
  const STEPS = [1, 2, 5];

  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const tint = (line) => colour(`--c${line.colour}`);

  // ---- words

  const round = (value, digits) => value.toLocaleString("en", { maximumSignificantDigits: digits });

  function figure(unit, value, digits = 3) {
    if (value === null || value === undefined) return "–";
    if (unit === "nines") return `${+(100 * (1 - 10 ** -value)).toPrecision(7)} %`;
    if (unit === "share") return `${round(value * 100, digits)} %`;
    if (unit === "1/s") return `${round(value, digits)}/s`;
    if (unit === "score") return round(value, 4);
    if (value === 0 && unit === "s") return "0 s";
    const found = (UNITS[unit] ?? [[Infinity, 1, ""]]).find(([below]) => Math.abs(value) < below * 0.9995);
    return round(value * found[1], digits) + found[2];
  }

  // ---- axes

  function logTicks(low, high) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      for (const step of STEPS) ticks.push(step * 10 ** power);
    const inside = ticks.filter((tick) => tick >= low && tick <= high);
    if (inside.length < 3) return evenTicks(low, high, 5);
    return inside.length <= 8 ? inside : inside.filter((tick) => Math.abs(Math.log10(tick) % 1) < 1e-9);
  }

  function evenTicks(low, high, most) {
    const rough = (high - low) / most;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [...STEPS, 10].map((factor) => factor * power).find((each) => each >= rough);
    const ticks = [];
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high * (1 + 1e-9); n++) ticks.push(n * step || 0); // no -0
    return ticks;
  }

  const nines = (low, high) => [Math.log10(2), 1, 2, 3, 4, 5, 6].filter((tick) => tick <= high + 1e-9);

  function range(plot, axis) {
    const ends = axis === plot.y_axis ? plot.lines.flatMap((line) => [...line.low, ...line.high]) : [];
    const drawn = ends.filter((end) => end !== null && (!axis.log || end > 0)); // intervals are within the plot, too
    return (chart, least, most) => {
      if (least === null || most === null) return [1, 10];
      const low = Math.min(least, ...drawn), high = Math.max(most, ...drawn);
      if (axis.unit === "index") return [low - 0.5, high + 0.5];
      if (axis.unit === "nines") return [0, Math.max(high, 1)];
      if (axis.log) return [low / 1.2, high * 1.2];
      if (axis.unit === "score") return score(low, high);
      if (axis.unit === "share") return [0, Math.max(high * 1.1, 0.01)];
      const room = (high - low || Math.abs(high) || 1) * 0.08;
      return [axis.zero ? 0 : axis.unit === "s" && low >= 0 ? Math.max(0, low - room) : low - room, high + room];
    };
  }

  // Scores that hardly differ are not spread over the whole plot, or noise would look like news.
  function score(low, high) {
    const room = Math.max((high - low) * 0.12, (Math.abs(high) * 0.02 - (high - low)) / 2, 1e-6);
    return [low - room, high + room];
  }

  function ticks(axis, most) {
    if (axis.unit === "nines") return (chart, n, low, high) => nines(low, high);
    if (axis.unit === "index") return (chart, n, low, high) => evenTicks(Math.max(0, low), high, Math.max(1, Math.min(most, high)));
    return (chart, n, low, high) => (axis.log ? logTicks(low, high) : evenTicks(low, high, most));
  }

  function scale(plot, axis) {
    return { time: false, distr: axis.log ? 3 : 1, range: range(plot, axis) };
  }

  function axisOf(plot, axis, side, width) {
    const across = side === 2;
    return {
      scale: across ? "x" : side === 3 ? "y" : "y2",
      side,
      label: across ? axis.title : undefined,
      labelSize: 20,
      labelFont: FONT,
      font: FONT,
      size: across ? 30 : (chart, found) => 14 + 7 * Math.max(4, ...(found ?? []).map((words) => words.length)),
      gap: 4,
      stroke: colour("--soft"),
      grid: { show: side !== 1, stroke: colour("--grid"), width: 1 },
      ticks: { show: false },
      filter: (chart, found) => found,
      splits: ticks(axis, across ? Math.max(2, Math.floor(width / (axis.unit === "index" ? 65 : 95))) : 5),
      values: (chart, found) =>
        found.map((value) => (axis.unit === "index" ? (plot.labels[Math.round(value)] ?? "") : figure(axis.unit, value))),
    };
  }

  // ---- what uPlot does not draw by itself

  function inOrder(line) {
    return (chart, series) => {
      const path = new Path2D();
      for (const strokes of line.order)
        strokes.forEach((at, n) => {
          const place = [chart.valToPos(chart.data[0][at], "x", true), chart.valToPos(chart.data[series][at], "y", true)];
          n ? path.lineTo(...place) : path.moveTo(...place);
        });
      return { stroke: path, fill: null, flags: 1 };
    };
  }

  function stroke(chart, points, style, dash = [], width = 1) {
    const { ctx } = chart;
    ctx.save();
    ctx.strokeStyle = style;
    ctx.lineWidth = width * uPlot.pxRatio;
    ctx.setLineDash(dash.map((each) => each * uPlot.pxRatio));
    ctx.beginPath();
    points.forEach(([x, y], n) => (n ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    ctx.stroke();
    ctx.restore();
  }

  function write(chart, words, x, y, style, align = "left") {
    const { ctx } = chart;
    ctx.save();
    ctx.font = `${12 * uPlot.pxRatio}px system-ui, sans-serif`;
    Object.assign(ctx, { textAlign: align, textBaseline: "middle", lineJoin: "round", lineWidth: 3 * uPlot.pxRatio });
    Object.assign(ctx, { strokeStyle: colour("--card"), fillStyle: style });
    ctx.strokeText(words, x, y);
    ctx.fillText(words, x, y);
    ctx.restore();
  }

  function drawLines(chart, plot) {
    const { left, top, width, height } = chart.bbox;
    for (const [value, words] of plot.levels) {
      const y = chart.valToPos(value, "y", true);
      if (y < top || y > top + height) continue;
      stroke(chart, [[left, y], [left + width, y]], colour("--soft"), [5, 4]);
      write(chart, words, left + 6 * uPlot.pxRatio, y - 9 * uPlot.pxRatio, colour("--soft"));
    }
    for (const [value, words] of plot.places) {
      const x = chart.valToPos(value, "x", true);
      const right = x > left + width * 0.6;
      stroke(chart, [[x, top], [x, top + height]], colour("--soft"), [5, 4]);
      write(chart, words, x + (right ? -6 : 6) * uPlot.pxRatio, top + 9 * uPlot.pxRatio, colour("--soft"), right ? "right" : "left");
    }
    for (const value of plot.ticks) {
      const x = chart.valToPos(value, "x", true);
      stroke(chart, [[x, top + height - 12 * uPlot.pxRatio], [x, top + height]], colour("--c5"), [], 3);
    }
  }

  function drawIntervals(chart, plot) {
    const { ctx, bbox } = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height); // an end at 0 has no place on a logarithmic axis
    ctx.clip();
    plot.lines.forEach((line) => {
      line.low.forEach((low, n) => {
        if (low === null || line.high[n] === null) return;
        const x = chart.valToPos(plot.x[n], "x", true);
        const places = [low, line.high[n]].map((end) => chart.valToPos(end, "y", true));
        stroke(chart, places.map((y) => [x, Number.isFinite(y) ? y : bbox.top + bbox.height]), tint(line), [], 2);
      });
    });
    ctx.restore();
  }

  // Writes the names of points where they hide no other name and no point; one that finds no room is in the tip alone.
  function drawNames(chart, plot) {
    const px = uPlot.pxRatio, { left, top, width, height } = chart.bbox;
    const at = (line, n) => [chart.valToPos(plot.x[n], "x", true), chart.valToPos(line.values[n], "y", true)];
    const spots = plot.lines.flatMap((line) => plot.x.map((x, n) => (line.values[n] === null ? null : { line, n, at: at(line, n) }))).filter(Boolean);
    const taken = spots.map(({ at: [x, y] }) => [x - 5 * px, y - 5 * px, x + 5 * px, y + 5 * px]);
    const free = (box) =>
      box[0] >= left && box[2] <= left + width && box[1] >= top && box[3] <= top + height &&
      taken.every((other) => box[2] <= other[0] || box[0] >= other[2] || box[3] <= other[1] || box[1] >= other[3]);
    for (const { line, n, at: [x, y] } of spots.filter((spot) => spot.line.named)) {
      const full = plot.labels[n];
      const words = full.length > 26 ? `${full.slice(0, 25)}…` : full;
      chart.ctx.font = `${12 * px}px system-ui, sans-serif`;
      const wide = chart.ctx.measureText(words).width;
      const boxes = [[x - wide / 2, y - 21 * px], [x + 8 * px, y - 7 * px], [x - wide / 2, y + 8 * px], [x - 8 * px - wide, y - 7 * px]];
      const box = boxes.map(([bx, by]) => [bx, by, bx + wide, by + 14 * px]).find(free);
      if (!box) continue;
      taken.push(box);
      write(chart, words, box[0], box[1] + 7 * px, colour("--ink"));
    }
  }

  // ---- the values at the pointer

  function tip(plot) {
    const box = document.createElement("div");
    box.className = "tip";
    box.hidden = true;
    const row = (line, n) => {
      const [div, dot, name, value] = ["div", "i", "span", "b"].map((tag) => document.createElement(tag));
      dot.style.background = tint(line);
      name.textContent = line.name;
      value.textContent = figure((line.second ? plot.second_axis : plot.y_axis).unit, line.values[n]);
      if (line.low[n] !== undefined && line.low[n] !== null)
        value.textContent += ` (${figure(plot.y_axis.unit, line.low[n])} to ${figure(plot.y_axis.unit, line.high[n])})`;
      div.append(dot, name, value);
      return div;
    };
    const show = (chart) => {
      const { idx: n, left, top } = chart.cursor;
      box.hidden = n === null || n === undefined || left < 0;
      if (box.hidden) return;
      const title = document.createElement("strong");
      title.textContent = plot.labels[n] ?? figure(plot.x_axis.unit, plot.x[n], 4);
      const lines = plot.lines.filter((line) => line.values[n] !== null);
      box.replaceChildren(title, ...lines.map((line) => row(line, n)));
      if (plot.labels.length && plot.x_axis.unit !== "index")
        title.append(` · ${figure(plot.x_axis.unit, plot.x[n])}`);
      const { clientWidth, clientHeight } = chart.over;
      box.style.left = `${Math.max(0, left > clientWidth / 2 ? left - box.offsetWidth - 14 : left + 14)}px`;
      box.style.top = `${Math.max(0, Math.min(top - 10, clientHeight - box.offsetHeight))}px`;
    };
    return { hooks: { init: (chart) => chart.over.append(box), setCursor: show } };
  }

  // ---- plots

  function seriesOf(line) {
    const hollow = line.drawn === "hollow", connected = line.drawn === "line" || line.drawn === "both";
    return {
      label: line.name,
      scale: line.second ? "y2" : "y",
      stroke: tint(line),
      width: connected ? 2.25 : 0,
      dash: DASHES[line.colour],
      paths: line.order.length ? inOrder(line) : connected ? uPlot.paths.linear() : () => null,
      points: {
        show: line.drawn !== "line",
        size: 9,
        fill: hollow ? colour("--card") : tint(line),
        stroke: hollow ? tint(line) : colour("--card"),
        width: hollow ? 2 : 1.25,
        dash: [],
        space: 0,
      },
    };
  }

  function options(plot, width) {
    const scales = { x: scale(plot, plot.x_axis), y: scale(plot, plot.y_axis) };
    const axes = [axisOf(plot, plot.x_axis, 2, width), axisOf(plot, plot.y_axis, 3, width)];
    if (plot.second_axis) {
      scales.y2 = scale(plot, plot.second_axis);
      axes.push(axisOf(plot, plot.second_axis, 1, width));
    }
    const draw = (chart) => [drawLines, drawIntervals, drawNames].forEach((each) => each(chart, plot));
    return {
      width,
      height: Math.round(Math.min(340, Math.max(240, width * 0.56))),
      padding: [12, plot.second_axis ? 0 : 26, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
      scales,
      axes,
      series: [{}, ...plot.lines.map(seriesOf)],
      hooks: { draw: [draw] },
      plugins: [tip(plot)],
    };
  }

  const drawn = new Map();

  function draw(place) {
    const plot = plots[place.dataset.plot];
    drawn.get(place)?.destroy();
    drawn.set(place, new uPlot(options(plot, place.clientWidth), [plot.x, ...plot.lines.map((line) => line.values)], place));
  }

  const drawAll = () => places.forEach(draw);

  // Canvases keep the colours and the size that they were drawn with: paper gets its own.
  function printing(on) {
    root.toggleAttribute("data-printing", on);
    drawAll();
  }

  document.querySelectorAll(".plots").forEach((group) => (group.hidden = false));
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("resize", () => root.hasAttribute("data-printing") || drawAll());
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
})();
