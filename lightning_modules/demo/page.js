// The form: who, what and how. What comes of it is laid out by results.js.
import { make, element, show, showGrid, announce } from "./results.js";

const EXAMPLES = [
  ["at rest", ""], ["smile (6, 12)", "6,12"], ["smile with corners held down (6, 12, 15)", "6,12,15"],
  ["both corner movements (12, 15)", "12,15"], ["brows up (1, 2)", "1,2"], ["inner brows up and together (1, 4)", "1,4"],
  ["brows down, lids tight (4, 7)", "4,7"], ["upper lip up (10)", "10"], ["lip up against chin up (10, 17)", "10,17"],
  ["smile with dimples (12, 14)", "12,14"], ["corners down, chin up (15, 17)", "15,17"],
  ["lips pressed in a smile (12, 24)", "12,24"], ["much at once (1, 4, 6, 12, 15, 17)", "1,4,6,12,15,17"],
];
const FACES = 8;
const GRADES = "ABCDE";
let about, first = 0, picture = null, ticket = null, asking = 0, composed = "";

// ---- asking the program --------------------------------------------------------------------------------------------
async function ask(path, content) {
  let response;
  try {
    response = await fetch(path, content === undefined ? {} : {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
    });
  } catch { throw new Error("The program does not answer. Is it still running in its terminal?"); }
  let answer;
  try { answer = await response.json(); } catch { throw new Error("The program's answer can't be read. Try again."); }
  if (!response.ok || answer.error) throw Object.assign(new Error(answer.error || "That did not work."), { stopped: answer.stopped });
  return answer;
}

// ---- who ----------------------------------------------------------------------------------------------------------
function layFaces() {
  const chosen = Number(element("face-number").value);
  element("faces").replaceChildren(...Array.from({ length: FACES }, (_, place) => {
    const number = (first + place) % about.faces;
    const input = make("input", { type: "radio", name: "face", value: number, checked: !picture && number === chosen });
    input.setAttribute("aria-label", `Face ${number}`);
    input.addEventListener("change", () => chooseFace(number));
    const image = make("img", { src: `/api/face?number=${number}`, alt: "", width: 64, height: 64 });
    return make("label", {}, [input, image, make("span", { textContent: number })]);
  }));
}

function chooseFace(number) {
  picture = null;
  element("crop").hidden = true;
  element("file").value = "";
  element("face-number").value = number;
  if (number < first || number >= first + FACES) {
    first = Math.floor(number / FACES) * FACES;
    layFaces();
  } else {
    for (const input of element("faces").querySelectorAll("input")) input.checked = Number(input.value) === number;
  }
}

function turnFaces(step) {
  first = (first + step * FACES + about.faces) % about.faces;
  layFaces();
  announce(`Faces ${first} to ${first + FACES - 1}`);
}

async function takeFile(file) {
  const problem = element("file-problem");
  problem.textContent = "";
  if (!file) return;
  if (!["image/png", "image/jpeg", "image/webp"].includes(file.type)) {
    problem.textContent = `${file.name} is no PNG, JPEG or WebP picture. Choose another file.`;
    return;
  }
  if (file.size > 25e6) {
    problem.textContent = `${file.name} has ${(file.size / 1e6).toFixed(0)} MB; at most 25 are taken. Choose a smaller one.`;
    return;
  }
  try {
    const bitmap = await createImageBitmap(file);
    if (Math.min(bitmap.width, bitmap.height) < 32) throw new Error("too small");
    picture = bitmap;
  } catch {
    problem.textContent = `${file.name} can't be read as a picture, or is smaller than 32 pixels. Choose another file.`;
    return;
  }
  for (const input of element("faces").querySelectorAll("input")) input.checked = false;
  element("crop-size").value = 100;
  element("crop-across").value = element("crop-down").value = 50;
  element("crop").hidden = false;
  drawCrop();
  announce("Your picture is the reference now.");
}

function cropBox() {
  const side = Math.max(16, Math.min(picture.width, picture.height) * element("crop-size").value / 100);
  return {
    side,
    left: (picture.width - side) * element("crop-across").value / 100,
    top: (picture.height - side) * element("crop-down").value / 100,
  };
}

function drawInto(canvas) {
  const { side, left, top } = cropBox();
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff"; // beneath what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, left, top, side, side, 0, 0, canvas.width, canvas.height);
  return context;
}

// where aligned faces have their eyes and the corners of the mouth
function drawCrop() {
  const canvas = element("canvas"), context = drawInto(canvas), size = canvas.width;
  for (const [colour, width] of [["#000a", 5], ["#fff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    for (const [y, xs] of [[0.42, [0.335, 0.665]], [0.75, [0.375, 0.625]]]) {
      context.moveTo(0.2 * size, y * size);
      context.lineTo(0.8 * size, y * size);
      for (const x of xs) {
        context.moveTo(x * size, (y - 0.025) * size);
        context.lineTo(x * size, (y + 0.025) * size);
      }
    }
    context.stroke();
  }
}

function croppedPicture() {
  // no larger than it is: what is small would only be blown up
  const side = Math.round(Math.min(512, cropBox().side));
  const canvas = make("canvas", { width: side, height: side });
  drawInto(canvas);
  let data = canvas.toDataURL("image/png");
  if (data.length * 0.75 > about.largest_file) data = canvas.toDataURL("image/jpeg", 0.95);
  return data.slice(data.indexOf(",") + 1);
}

function dragging() {
  const canvas = element("canvas");
  let last = null;
  canvas.addEventListener("pointerdown", (event) => {
    last = [event.clientX, event.clientY];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last || !picture) return;
    const { side } = cropBox(), scale = side / canvas.clientWidth;
    for (const [slider, moved, room] of [
      ["crop-across", event.clientX - last[0], picture.width - side], ["crop-down", event.clientY - last[1], picture.height - side],
    ]) if (room > 0) element(slider).value = Number(element(slider).value) - (moved * scale * 100) / room;
    last = [event.clientX, event.clientY];
    drawCrop();
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { last = null; });
}

// ---- what ---------------------------------------------------------------------------------------------------------
function layUnits() {
  const groups = [...new Set(about.aus.map((unit) => unit.region))].map((region) => {
    const chips = about.aus.filter((unit) => unit.region === region).map((unit) => {
      const input = make("input", { type: "checkbox", value: unit.au });
      input.setAttribute("aria-describedby", `says-${unit.au}`);
      const name = make("span", {}, [make("b", { textContent: `AU${unit.au}` }), make("small", { textContent: unit.name })]);
      const chip = make("div", { className: "au", title: `${unit.movement}: ${unit.appearance}` }, [
        make("label", {}, [input, name]),
        make("span", { className: "unseen", id: `says-${unit.au}`, textContent: unit.movement }),
      ]);
      chip.dataset.au = unit.au;
      if (about.has_intensity) {
        const grade = make("select", {}, [make("option", { value: "", textContent: "–" }),
          ...[...GRADES].map((letter) => make("option", { value: letter, textContent: letter }))]);
        grade.setAttribute("aria-label", `Intensity of AU${unit.au}`);
        grade.hidden = true;
        grade.addEventListener("change", explainSoon);
        chip.append(grade);
      }
      input.addEventListener("change", () => { markUnits(); explainSoon(); });
      return chip;
    });
    return make("fieldset", { className: "aus" }, [make("legend", { textContent: region[0].toUpperCase() + region.slice(1) }), ...chips]);
  });
  element("aus").replaceChildren(...groups);
  element("examples").replaceChildren(make("option", { value: "-", textContent: "choose one" }),
    ...EXAMPLES.map(([name, aus]) => make("option", { value: aus, textContent: name })));
}

const chips = () => [...element("aus").querySelectorAll(".au")];
const chosenUnits = () => chips().filter((chip) => chip.querySelector("input").checked);

function unitsText() {
  return chosenUnits().map((chip) => {
    const grade = chip.querySelector("select");
    return grade && grade.value ? `${chip.dataset.au}:${grade.value}` : chip.dataset.au;
  }).join(",");
}

function setUnits(aus) {
  const wanted = new Map(aus.split(",").filter(Boolean).map((label) => {
    const [, number, grade] = label.match(/(\d+)(?::(\w))?/);
    return [number, grade || ""];
  }));
  for (const chip of chips()) {
    chip.querySelector("input").checked = wanted.has(chip.dataset.au);
    const grade = chip.querySelector("select");
    if (grade) grade.value = wanted.get(chip.dataset.au) || "";
  }
  element("form").elements.mode.value = "aus";
  switchMode();
}

function markUnits() {
  const chosen = new Set(chosenUnits().map((chip) => Number(chip.dataset.au)));
  for (const chip of chips()) {
    const unit = about.aus.find((each) => each.au === Number(chip.dataset.au));
    chip.classList.toggle("on", chosen.has(unit.au));
    chip.classList.toggle("clash", chosen.has(unit.au) && unit.antagonists.some((other) => chosen.has(other)));
    const grade = chip.querySelector("select");
    if (grade) grade.hidden = !chosen.has(unit.au);
  }
}

const isText = () => element("form").elements.mode.value === "text";

function switchMode() {
  element("aus-panel").hidden = isText();
  element("text-panel").hidden = !isText();
  element("reword").hidden = element("edit").hidden = isText();
  markUnits();
  explainSoon();
}

const wish = () => (isText() ? { text: element("text").value } : { aus: unitsText() });

let waiting = 0;
function explainSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(explain, isText() ? 350 : 60);
}

async function explain() {
  clearTimeout(waiting);
  const mine = ++asking;
  const empty = isText() && !element("text").value.trim();
  const seed = wholeNumber("seed");
  let answer = null;
  if (!empty) {
    try { answer = await ask("/api/describe", { ...wish(), seed }); } catch (error) {
      if (mine === asking) element("problem").textContent = error.message;
      return;
    }
  }
  if (mine !== asking) return; // a later question is on its way
  element("problem").textContent = "";
  element("prompt-box").hidden = empty;
  element("conflicts").replaceChildren(...(answer ? answer.conflicts : []).map((each) => make("p", { textContent: each.text })));
  element("decisions").textContent = answer ? answer.decisions : "";
  element("reading").replaceChildren();
  if (!answer) return;
  if (answer.reading) {
    const read = answer.labels.map((label) => `AU${label.au} ${label.name}`).join(", ") || "none";
    element("reading").replaceChildren(make("p", { textContent: `AUs in it: ${read}. ${answer.reading.how}` }),
      ...answer.reading.findings.map((text) => make("p", { textContent: text })));
  }
  composed = answer.prompts[0].prompt;
  const same = answer.prompts.every((each) => each.prompt === composed);
  element("prompts").replaceChildren(...answer.prompts.flatMap((each, place) => [
    ...(same && place ? [] : [make("p", { textContent: same ? each.prompt : `${each.model}: ${each.prompt}` })]),
    ...each.notes.map((text) => make("p", { className: "note", textContent: text })),
  ]));
}

// ---- how ----------------------------------------------------------------------------------------------------------
const SETTINGS = {
  text_guidance: ["Text guidance", 0.25, "how far to go from a face without the text to one with it; 1 is none"],
  reference_guidance: ["Reference guidance", 0.25, "the same for the person"],
  steps: ["Steps", 1, "passes in which the face is filled in"],
  temperature: ["Temperature", 0.05, "how freely it draws; 0 takes the likeliest"],
};

function laySettings() {
  element("settings").replaceChildren(...Object.entries(SETTINGS).map(([name, [title, step, says]]) => {
    const [least, greatest, usual] = about.limits[name];
    const input = make("input", { type: "range", id: name, min: least, max: greatest, step, value: usual });
    const shown = make("output", { textContent: usual });
    shown.setAttribute("for", name);
    input.addEventListener("input", () => { shown.textContent = Number(input.value); });
    // an output can have a label, too, and would take this one
    return make("label", { htmlFor: name }, [make("span", {}, [`${title}, `, make("span", { className: "hint", textContent: says })]), shown, input]);
  }));
}

function wholeNumber(id) {
  const most = id === "seed" ? about.largest_seed : about.faces - 1;
  const value = Math.min(most, Math.max(0, Math.floor(Number(element(id).value) || 0)));
  return value;
}

function request() {
  const content = { ...wish(), seed: wholeNumber("seed"), ticket: crypto.randomUUID ? crypto.randomUUID() : `t${Date.now()}` };
  for (const name of Object.keys(SETTINGS)) content[name] = Number(element(name).value);
  content.reference = picture ? { picture: croppedPicture() } : { face: wholeNumber("face-number") };
  if (element("only").value) content.only = element("only").value;
  if (about.models.length > 1 && !element("compare").checked) content.models = [about.models[0].name];
  return content;
}

// ---- making -------------------------------------------------------------------------------------------------------
async function run(path, extra, finish) {
  if (ticket) return;
  element("problem").textContent = "";
  if (isText() && !element("text").value.trim()) {
    element("problem").textContent = "Type what the face does, or choose action units.";
    element("text").focus();
    return;
  }
  const content = { ...request(), ...extra };
  ticket = content.ticket;
  const busy = (is) => {
    for (const id of ["make", "make-grid"]) element(id).setAttribute("aria-disabled", is);
    element("make").hidden = is;
    element("stop").hidden = element("progress").hidden = !is;
  };
  const hadFocus = document.activeElement === element("make");
  busy(true);
  if (hadFocus) element("stop").focus({ preventScroll: true });
  element("progress").removeAttribute("value");
  announce("Working …");
  const polling = setInterval(async () => {
    try {
      const { known, before, done, total } = await ask(`/api/progress?ticket=${content.ticket}`);
      if (!known || content.ticket !== ticket) return;
      if (before) announce(`Waiting: ${before} ${before > 1 ? "others are" : "other is"} before you.`);
      else if (total) {
        element("progress").value = done / total;
        announce(`Working: ${Math.round((100 * done) / total)} %`, true);
      }
    } catch { /* the request itself will tell */ }
  }, 400);
  try {
    const answer = await ask(path, content);
    answer.downloads = { request: { ...content, ticket: undefined, reference: picture ? "picture" : content.reference } };
    finish(answer);
  } catch (error) {
    announce(error.stopped ? "Stopped." : "");
    if (!error.stopped) element("problem").textContent = error.message;
  } finally {
    clearInterval(polling);
    ticket = null;
    const stopHadFocus = document.activeElement === element("stop");
    busy(false);
    if (stopHadFocus) element("make").focus({ preventScroll: true });
  }
}

const takeCell = (aus, seed) => {
  element("seed").value = seed;
  setUnits(aus);
  announce(`Set: ${aus || "at rest"}, seed ${seed}. “Make the face” makes it large.`);
};

function listen() {
  const on = (id, name, act) => element(id).addEventListener(name, act);
  on("faces-before", "click", () => turnFaces(-1));
  on("faces-after", "click", () => turnFaces(1));
  on("face-number", "change", () => chooseFace(wholeNumber("face-number")));
  on("file", "change", (event) => takeFile(event.target.files[0]));
  for (const id of ["crop-size", "crop-across", "crop-down"]) on(id, "input", drawCrop);
  on("crop-remove", "click", () => { chooseFace(wholeNumber("face-number")); element("file").focus(); });
  on("who", "dragover", (event) => { event.preventDefault(); element("who").classList.add("dropping"); });
  on("who", "dragleave", () => element("who").classList.remove("dropping"));
  on("who", "drop", (event) => {
    event.preventDefault();
    element("who").classList.remove("dropping");
    takeFile(event.dataTransfer.files[0]);
  });
  for (const input of element("form").elements.mode) input.addEventListener("change", switchMode);
  on("examples", "change", (event) => { if (event.target.value !== "-") setUnits(event.target.value); event.target.value = "-"; });
  on("clear", "click", () => setUnits(""));
  on("random", "click", () => {
    const count = 1 + Math.floor(Math.random() * 4);
    setUnits([...about.aus].sort(() => Math.random() - 0.5).slice(0, count).map((unit) => unit.au).join(","));
  });
  on("text", "input", explainSoon);
  on("seed", "change", () => { element("seed").value = wholeNumber("seed"); explainSoon(); });
  for (const id of ["new-seed", "reword"]) on(id, "click", () => { element("seed").value = wholeNumber("seed") + 1; explain(); });
  on("edit", "click", () => {
    element("text").value = composed;
    element("form").elements.mode.value = "text";
    switchMode();
    element("text").focus();
  });
  on("defaults", "click", () => {
    laySettings();
    element("only").value = "";
    announce("Settings are the defaults again.");
  });
  on("form", "submit", (event) => { event.preventDefault(); run("/api/synthesize", {}, (answer) => show(answer, about)); });
  on("text", "keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) element("form").requestSubmit(); });
  on("make-grid", "click", () => run("/api/grid", { kind: element("kind").value }, (answer) => showGrid(answer, takeCell)));
  on("stop", "click", () => { if (ticket) ask("/api/stop", { ticket }).catch(() => {}); });
  dragging();
}

async function start() {
  try { about = await ask("/api/about"); } catch (error) {
    element("problem").textContent = error.message;
    element("make").disabled = true;
    return;
  }
  const names = about.models.map((model) => `${model.name} (${model.size} pixels)`);
  element("models").textContent = `${names.join(" and ")}, on this machine alone`;
  if (about.models.length > 1) {
    element("compare-box").hidden = false;
    element("compare-name").textContent = `Compare with ${about.models[1].name}`;
  }
  element("text").maxLength = about.longest_text;
  element("seed").max = about.largest_seed;
  element("face-number").max = about.faces - 1;
  for (const option of element("kind").options) option.hidden = option.disabled = !about.grids.includes(option.value);
  laySettings();
  layFaces();
  layUnits();
  listen();
  setUnits("6,12");
}

start();
