// The form: what and how; who.js has the person. What comes of it is laid out by results.js.
import { announce, element, make, wholeNumber } from "./parts.js";
import { goTo, show, showGrid } from "./results.js";
import { person, reference, startWho } from "./who.js";

const EXAMPLES = [
  ["at rest", ""], ["smile (6, 12)", "6,12"], ["smile with corners held down (6, 12, 15)", "6,12,15"],
  ["both corner movements (12, 15)", "12,15"], ["brows up (1, 2)", "1,2"], ["inner brows up and together (1, 4)", "1,4"],
  ["brows down, lids tight (4, 7)", "4,7"], ["upper lip up (10)", "10"], ["lip up against chin up (10, 17)", "10,17"],
  ["smile with dimples (12, 14)", "12,14"], ["corners down, chin up (15, 17)", "15,17"],
  ["lips pressed in a smile (12, 24)", "12,24"], ["much at once (1, 4, 6, 12, 15, 17)", "1,4,6,12,15,17"],
];
// FACS' grades; without one, a model takes what it saw most
const GRADES = [["", "not said"], ["A", "trace"], ["B", "slight"], ["C", "marked"], ["D", "severe"], ["E", "maximum"]];
let about, ticket = null, asking = 0, composed = "", shown = "";

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
      if (about.has_intensity) chip.append(intensity(unit));
      input.addEventListener("change", () => { markUnits(); explainSoon(); });
      return chip;
    });
    return make("fieldset", { className: "aus" }, [make("legend", { textContent: region[0].toUpperCase() + region.slice(1) }), ...chips]);
  });
  element("aus").replaceChildren(...groups);
  element("examples").replaceChildren(make("option", { value: "-", textContent: "Examples" }),
    ...EXAMPLES.map(([name, aus]) => make("option", { value: aus, textContent: name })));
}

function intensity(unit) {
  const grade = make("input", { type: "range", min: 0, max: GRADES.length - 1, step: 1, value: 0 });
  grade.setAttribute("aria-label", `Intensity of AU${unit.au}`);
  grade.addEventListener("input", () => { markUnits(); explainSoon(); });
  return make("div", { className: "grade", hidden: true }, [grade, make("output")]);
}

const chips = () => [...element("aus").querySelectorAll(".au")];
const chosenUnits = () => chips().filter((chip) => chip.querySelector("input").checked);

function unitsText() {
  return chosenUnits().map((chip) => {
    const grade = chip.querySelector(".grade input");
    return grade && Number(grade.value) ? `${chip.dataset.au}:${GRADES[grade.value][0]}` : chip.dataset.au;
  }).join(",");
}

function setUnits(aus) {
  const wanted = new Map(aus.split(",").filter(Boolean).map((label) => {
    const [, number, grade] = label.match(/(\d+)(?::(\w))?/);
    return [number, grade || ""];
  }));
  for (const chip of chips()) {
    chip.querySelector("input").checked = wanted.has(chip.dataset.au);
    const grade = chip.querySelector(".grade input");
    if (grade) grade.value = GRADES.findIndex(([letter]) => letter === (wanted.get(chip.dataset.au) || ""));
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
    const grade = chip.querySelector(".grade");
    if (!grade) continue;
    grade.hidden = !chosen.has(unit.au);
    const [letter, says] = GRADES[grade.querySelector("input").value];
    grade.querySelector("output").textContent = `${letter} ${says}`;
    grade.querySelector("input").setAttribute("aria-valuetext", `${letter} ${says}`);
  }
}

const readsText = () => about.models.some((model) => model.reads === "text");
const isText = () => element("form").elements.mode.value === "text";

function switchMode() {
  element("aus-panel").hidden = isText();
  element("text-panel").hidden = !isText();
  element("prompt-buttons").hidden = isText() || !readsText();
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
  markStale();
  clearTimeout(waiting);
  const mine = ++asking;
  const empty = isText() && !element("text").value.trim();
  let answer = null;
  if (!empty) {
    try { answer = await ask("/api/describe", { ...wish(), seed: seed() }); } catch (error) {
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
  element("prompts-title").textContent = readsText() ? "Text that the model reads" : "AUs that the model gets";
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

// what no model here depends on is left out
const settings = () => Object.keys(SETTINGS).filter((name) => about.settings.includes(name));

function laySettings() {
  element("seed-row").hidden = element("seed-says").hidden = !about.settings.includes("seed");
  element("more-title").textContent = settings().length ? "Guidance, steps and parts" : "A part of the face";
  element("settings").replaceChildren(...settings().map((name) => {
    const [title, step, says] = SETTINGS[name];
    const [least, greatest, usual] = about.limits[name];
    const input = make("input", { type: "range", id: name, min: least, max: greatest, step, value: usual });
    const shown = make("output", { textContent: usual });
    shown.setAttribute("for", name);
    input.addEventListener("input", () => { shown.textContent = Number(input.value); });
    // an output can have a label, too, and would take this one
    return make("label", { htmlFor: name }, [make("span", {}, [`${title}, `, make("span", { className: "hint", textContent: says })]), shown, input]);
  }));
}

const seed = () => wholeNumber("seed", about.largest_seed);

function request() {
  const content = { ...wish(), seed: seed(), ticket: crypto.randomUUID ? crypto.randomUUID() : `t${Date.now()}` };
  for (const name of settings()) content[name] = Number(element(name).value);
  content.reference = reference();
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
    answer.downloads = { request: { ...content, ticket: undefined, reference: "picture" in content.reference ? "picture" : content.reference } };
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

// what a result is of; the file of a picture of one's own is too large to compare each time
const asked = () => JSON.stringify([wish(), person(), element("only").value, element("compare").checked,
  ...["seed", ...settings()].map((name) => element(name).value)]);
const markStale = () => element("result").classList.toggle("stale", shown !== asked());

function makeFace(finish) {
  const now = asked();
  run("/api/synthesize", {}, (answer) => { shown = now; show(answer, about); markStale(); finish(); });
}

const takeCell = (aus, seed) => {
  element("seed").value = seed;
  setUnits(aus);
  announce(`Set: ${aus || "at rest"}, seed ${seed}. “Make the face” makes it large.`);
};

function listen() {
  const on = (id, name, act) => element(id).addEventListener(name, act);
  for (const input of element("form").elements.mode) input.addEventListener("change", switchMode);
  on("examples", "change", (event) => { if (event.target.value !== "-") setUnits(event.target.value); event.target.value = "-"; });
  on("clear", "click", () => setUnits(""));
  on("random", "click", () => {
    const count = 1 + Math.floor(Math.random() * 4);
    setUnits([...about.aus].sort(() => Math.random() - 0.5).slice(0, count).map((unit) => unit.au).join(","));
  });
  for (const name of ["input", "change", "click"]) on("form", name, markStale);
  on("text", "input", explainSoon);
  on("seed", "change", () => { element("seed").value = seed(); explainSoon(); });
  for (const id of ["new-seed", "reword"]) on(id, "click", () => { element("seed").value = seed() + 1; explain(); });
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
  on("form", "submit", (event) => { event.preventDefault(); makeFace(() => goTo("results-title")); });
  on("text", "keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) element("form").requestSubmit(); });
  on("make-grid", "click", () => run("/api/grid", { kind: element("kind").value }, (answer) => { showGrid(answer, takeCell); goTo("grids-title"); }));
  on("stop", "click", () => { if (ticket) ask("/api/stop", { ticket }).catch(() => {}); });
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
  for (const option of element("kind").options) option.hidden = option.disabled = !about.grids.includes(option.value);
  laySettings();
  layUnits();
  listen();
  startWho(about);
  setUnits("6,12");
  makeFace(() => {}); // nobody need press anything to see what this is about
}

start();
