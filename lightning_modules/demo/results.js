// What came of it: pictures, what was asked beside what is read back, files to keep, grids.
import { announce, element, make } from "./parts.js";

const HOLDS = 0.5;
const seenIn = (readBack) => Object.entries(readBack || {}).filter(([, share]) => share >= HOLDS).map(([au]) => au);
const listed = (names) => names.join(", ") || "none";
const numbersOf = (aus) => aus.split(",").filter(Boolean).map((label) => `AU${label.match(/\d+/)[0]}`);

function figure(image, title, says, alt, kind = "") {
  return make("figure", { className: kind }, [
    make("img", { src: image, alt, width: 256, height: 256 }),
    make("figcaption", {}, [make("b", { textContent: title }), ` ${says}`]),
  ]);
}

export function goTo(id) {
  const title = element(id);
  // on a phone the result is below the form
  if (title.getBoundingClientRect().top > innerHeight * 0.6 || title.getBoundingClientRect().bottom < 0) title.scrollIntoView();
  title.focus({ preventScroll: true });
}

export function show(answer, about) {
  element("empty").hidden = true;
  element("result").hidden = false;
  const asked = numbersOf(answer.aus), what = answer.aus ? listed(asked) : answer.asked.text ? "the description" : "at rest";
  const against = element("difference");
  against.querySelector('[value="truth"]').disabled = !answer.truth;
  if (!answer.truth) against.value = "reference";
  const lay = () => element("figures").replaceChildren(
    figure(answer.reference.image, "Reference", "", "The reference face"),
    ...answer.faces.map((face) => figure(face.image, answer.faces.length > 1 ? face.model : "Synthesised", what,
      `The face that ${face.model} made: ${what}. Read back: ${listed(seenIn(face.read_back))}.`, "made")),
    ...(answer.truth ? [figure(answer.truth.image, "True face", "as the renderer draws it", "The true face of this person with these AUs")] : []),
    ...answer.faces.map((face) => {
      const found = face.differences[against.value] || face.differences.reference;
      const from = against.value === "truth" ? "the true face" : "the reference";
      return figure(found.image, answer.faces.length > 1 ? `Difference, ${face.model}` : "Difference",
        `from ${from}: ${(100 * found.mean).toFixed(1)} % on average`, `Where the face differs from ${from}; brighter is more`, "map");
    }),
  );
  against.onchange = lay;
  lay();
  table(answer, asked, about);
  downloads(answer);
  element("commands").replaceChildren(...answer.faces.map((face) => make("pre", { textContent: face.command })),
    ...(answer.asked.reference_sha256 ? [make("p", { className: "hint", textContent: "reference.png is the reference face; save it above." })] : []));
  const told = [...new Set(answer.faces.map((face) => `${face.reads === "labels" ? "AUs that were" : "Text that was"} read: ${face.gets}`))];
  element("sent").textContent = told.join(" | ");
  const seen = answer.faces[0].read_back;
  announce(`Done in ${answer.seconds} s. Asked: ${what}.${seen ? ` Read back: ${listed(seenIn(seen))}.` : ""}`);
}

function share(value, isAsked, isJudged) {
  const holds = value >= HOLDS, isHit = holds === isAsked;
  const bar = make("i");
  bar.style.width = `${100 * value}%`;
  const mark = make("span", { className: "mark", textContent: !isJudged ? "" : isHit ? (isAsked ? "✓" : "") : "✗" });
  mark.setAttribute("aria-hidden", "true");
  const inner = make("div", {}, [make("span", { className: "share" }, [bar]), value.toFixed(2), mark]);
  inner.firstChild.setAttribute("aria-hidden", "true");
  if (isJudged && (!isHit || isAsked)) inner.append(make("span", { className: "unseen", textContent: isHit ? "as asked" : isAsked ? "missing" : "not asked for" }));
  return make("td", { className: `number${isJudged ? (isHit ? (isAsked ? " hit" : "") : " miss") : ""}` }, [inner]);
}

function table(answer, asked, about) {
  const columns = [
    ...answer.faces.map((face) => [answer.faces.length > 1 ? face.model : "Synthesised", face.read_back, true]),
    ...(answer.truth ? [["True face", answer.truth.read_back, true]] : []),
    ["Reference", answer.reference.read_back, false],
  ];
  if (!answer.recognizer) {
    element("judged").textContent = "No recogniser was loaded, so nothing is read back.";
    element("table").replaceChildren();
    return;
  }
  const known = answer.aus || !answer.asked.text; // a text without AUs asks for nothing that can be checked
  element("judged").textContent = `Probabilities that ${answer.recognizer} gives each AU; from 0.5 on it counts as seen. `
    + (known ? "✓ asked and seen, ✗ one without the other. " : "")
    + (answer.truth ? "The true face shows how far the recogniser itself can be trusted." : "");
  const head = make("tr", {}, ["AU", "Asked", ...columns.map(([name]) => name)].map((text) => make("th", { scope: "col", textContent: text })));
  const labels = new Map(answer.labels.map((label) => [`AU${label.au}`, label]));
  const rows = about.aus.map((unit) => {
    const name = `AU${unit.au}`, label = labels.get(name);
    const grade = label ? ["yes", label.intensity ? "ABCDE"[label.intensity - 1] : "", label.side ? `${label.side === "L" ? "left" : "right"} side` : ""] : ["–"];
    return make("tr", { className: label ? "asked" : "" }, [
      make("th", { scope: "row", textContent: `${unit.au} ${unit.name}` }),
      make("td", { textContent: grade.filter(Boolean).join(", ") }),
      ...columns.map(([, readBack, isJudged]) => (readBack && name in readBack
        ? share(readBack[name], Boolean(label), isJudged && known) : make("td", { textContent: "–" }))),
    ]);
  });
  element("table").replaceChildren(make("caption", { className: "unseen", textContent: "Asked AUs, and the probability of each in every picture" }),
    make("thead", {}, [head]), make("tbody", {}, rows));
}

// ---- files --------------------------------------------------------------------------------------------------------
const link = (name, address, text) => make("a", { className: "button", download: name, href: address, textContent: text });

let opened = [];
function asFile(content, kind) {
  const address = URL.createObjectURL(new Blob([content], { type: kind }));
  opened.push(address);
  return address;
}

// pictures are files of their own; a record is for reading
const withoutPictures = (value) => JSON.stringify(value, (name, each) => (
  name === "image" || name === "downloads" || (name === "truth" && typeof each === "string") ? undefined : each), 2);

function downloads(answer) {
  const stem = (answer.asked.reference_seed === undefined ? "own" : `face${answer.asked.reference_seed}`)
    + `_${answer.asked.aus === undefined ? "text" : answer.asked.aus.replace(/[^0-9A-Za-z]+/g, "+") || "neutral"}_seed${answer.asked.seed}`;
  const of = (face) => (answer.faces.length > 1 ? `_${face.model.replace(/[^0-9A-Za-z.-]+/g, "-")}` : "");
  element("downloads").replaceChildren(
    ...answer.faces.map((face) => link(`${stem}${of(face)}.png`, face.image, answer.faces.length > 1 ? `Picture, ${face.model}` : "Picture")),
    link(`${stem}.json`, asFile(withoutPictures(answer), "application/json"), "Record (JSON)"),
    link("reference.png", answer.reference.image, "Reference"),
    ...(answer.truth ? [link(`${stem}_true.png`, answer.truth.image, "True face")] : []),
  );
}

// ---- grids --------------------------------------------------------------------------------------------------------
export function showGrid(answer, take) {
  const isTable = answer.cells.some((cell) => cell.column);
  const cells = answer.cells.map((cell) => {
    const names = cell.faces.map((face) => face.model).join(" and ");
    const images = cell.faces.map((face) => make("img", { src: face.image, alt: "", width: 96, height: 96 }));
    if (cell.truth) images.push(make("img", { src: cell.truth, alt: "", width: 96, height: 96, className: "true" }));
    const seen = seenIn(cell.faces[0].read_back);
    const button = make("button", { type: "button", className: "cell", title: `Read back: ${listed(seen)}` }, [make("span", { className: "pair" }, images)]);
    button.setAttribute("aria-label", `${cell.caption}, by ${names}. Read back: ${listed(seen)}. Set this.`);
    button.addEventListener("click", () => take(cell.aus, cell.seed));
    return [cell, button, seen];
  });
  const found = element("grid");
  if (isTable) {
    const columns = [...new Set(cells.map(([cell]) => cell.column))], rows = [...new Set(cells.map(([cell]) => cell.row))];
    const body = rows.map((row) => make("tr", {}, [make("th", { scope: "row", textContent: row }),
      ...columns.map((column) => make("td", {}, [cells.find(([cell]) => cell.row === row && cell.column === column)[1]]))]));
    const head = make("tr", {}, [make("td"), ...columns.map((column) => make("th", { scope: "col", textContent: column }))]);
    const scroll = make("div", { className: "scroll", tabIndex: 0 }, [make("table", {}, [make("thead", {}, [head]), make("tbody", {}, body)])]);
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "Upper by lower face");
    found.replaceChildren(scroll);
  } else {
    found.replaceChildren(make("div", { className: "cells" }, cells.map(([cell, button, seen]) => {
      const says = cell.faces[0].read_back ? ` read: ${seen.map((au) => au.slice(2)).join(", ") || "none"}` : "";
      return make("figure", {}, [button, make("figcaption", {}, [make("b", { textContent: cell.caption }), says])]);
    })));
  }
  const hasTruth = answer.cells.some((cell) => cell.truth), each = answer.cells[0].faces.length;
  element("truths-box").hidden = !hasTruth;
  const truths = element("truths");
  truths.onchange = () => {
    for (const image of found.querySelectorAll(".true")) image.hidden = !truths.checked;
    found.style.setProperty("--count", each + (hasTruth && truths.checked ? 1 : 0));
  };
  truths.onchange();
  element("grid-downloads").replaceChildren(
    make("button", { type: "button", textContent: "Grid as a picture", onclick: () => saveSheet(answer, hasTruth && truths.checked) }),
    link("grid.json", asFile(withoutPictures(answer), "application/json"), "Record (JSON)"),
  );
  const order = [...answer.cells[0].faces.map((face) => face.model), ...(hasTruth ? ["the true face"] : [])];
  announce(`${answer.cells.length} faces in ${answer.seconds} s.${order.length > 1 ? ` Side by side: ${order.join(", ")}.` : ""}`);
}

async function saveSheet(answer, withTruth) {
  const SIDE = 128, HEAD = 22;
  const columns = answer.cells.some((cell) => cell.column) ? new Set(answer.cells.map((cell) => cell.column)).size : Math.min(5, answer.cells.length);
  const each = answer.cells[0].faces.length + (withTruth ? 1 : 0);
  const canvas = make("canvas", { width: columns * (each * SIDE + 8), height: Math.ceil(answer.cells.length / columns) * (SIDE + HEAD + 6) });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  context.font = "14px system-ui, sans-serif";
  for (const [place, cell] of answer.cells.entries()) {
    const left = (place % columns) * (each * SIDE + 8), top = Math.floor(place / columns) * (SIDE + HEAD + 6);
    context.fillStyle = "#000";
    context.fillText(cell.caption, left + 2, top + 16, each * SIDE);
    const sources = [...cell.faces.map((face) => face.image), ...(withTruth ? [cell.truth] : [])];
    for (const [offset, source] of sources.entries()) {
      const image = make("img", { src: source });
      await image.decode();
      context.drawImage(image, left + offset * SIDE, top + HEAD, SIDE, SIDE);
    }
  }
  make("a", { download: "grid.png", href: canvas.toDataURL("image/png") }).click();
}
