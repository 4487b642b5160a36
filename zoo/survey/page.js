// The page itself: three sections, one step at a time, every press kept in the browser at once.
const survey = JSON.parse(document.getElementById("survey").textContent);
const element = (id) => document.getElementById(id);
const letter = (place) => String.fromCharCode(65 + place);
const ordinal = (rank) => rank + (["th", "st", "nd", "rd"][rank % 100 > 10 && rank % 100 < 14 ? 0 : rank % 10] || "th");
const storageName = (what) => `face-survey:${survey.id}:${what}`;

let rater = "", steps = [], answers = {}, at = 0, history = [], since = 0, looking = 0;

// ---- what is kept -------------------------------------------------------------------------------------------------
const storage = {
  get(what) {
    try { return JSON.parse(localStorage.getItem(storageName(what))); } catch { return null; }
  },
  set(what, value) {
    try {
      localStorage.setItem(storageName(what), JSON.stringify(value));
    } catch { element("lost").hidden = false; }
  },
};

function keep() {
  countTime();
  const finished = element("trial").hidden && numDone() === steps.length; // opens at the end again
  storage.set(`rater:${rater}`, { answers, at: finished ? null : at });
}

// only time in which the page can be seen counts
function countTime() {
  const now = Date.now();
  const answer = steps[at] && answers[steps[at].trial.name];
  if (since && answer) answer.seconds += (now - since) / 1000;
  since = !document.hidden && !element("trial").hidden ? now : 0;
}

function show(section) {
  for (const id of ["intro", "trial", "end"]) element(id).hidden = id !== section;
  element("top").hidden = section !== "trial";
  element("keys").hidden = section === "end";
  scrollTo(0, 0);
}

// ---- start --------------------------------------------------------------------------------------------------------
function intro() {
  const count = Object.keys(survey.trials[0].items).length;
  const minutes = Math.max(1, Math.round((survey.trials.length * (5 + 5 * count)) / 60));
  element("task").textContent = `You will see ${count} pictures of a face at a time, and a description of what the face `
    + `should show. Rank the pictures, from the one that fits the description best to the one that fits it least.`;
  element("length").textContent = `There are ${survey.trials.length} such steps, which take about ${minutes} `
    + `minute${minutes > 1 ? "s" : ""}. You can stop at any time and go on later, in the same browser.`;
  const consent = element("consent");
  consent.replaceChildren(...survey.consent.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
  consent.hidden = element("agreement").hidden = !survey.consent.length;
  element("agree").checked = false;
  element("problem").textContent = "";
  element("rater").value = new URLSearchParams(location.hash.slice(1)).get("rater") || "";
  show("intro");
  element("title").focus();
}

function enter(code) {
  rater = code;
  steps = stepsOf(survey, rater);
  const kept = storage.get(`rater:${rater}`) || {};
  answers = {};
  for (const step of steps) { // what was kept is checked: it may be from anywhere
    const answer = (kept.answers || {})[step.trial.name];
    const ranking = Array.isArray(answer && answer.ranking) ? answer.ranking.filter((each) => step.items.includes(each)) : [];
    if (answer) answers[step.trial.name] = { ranking: [...new Set(ranking)], seconds: Number(answer.seconds) || 0 };
  }
  storage.set("rater", rater);
  const open = steps.findIndex((step) => !isDone(step));
  if (Number.isInteger(kept.at) && steps[kept.at]) go(kept.at);
  else if (open < 0) end();
  else go(open);
}

element("start").addEventListener("submit", (event) => {
  event.preventDefault();
  const code = element("rater").value.trim();
  const problem = !isCode(code) ? "Enter your code: letters, digits, dots, hyphens and underscores, without spaces."
    : survey.consent.length && !element("agree").checked ? "Please agree to take part first." : "";
  element("problem").textContent = problem;
  if (problem) (isCode(code) ? element("agree") : element("rater")).focus();
  else enter(code);
});

// ---- a step -------------------------------------------------------------------------------------------------------
const isDone = (step) => isComplete((answers[step.trial.name] || {}).ranking, step);
const numDone = () => steps.filter(isDone).length;
const rankingNow = () => answers[steps[at].trial.name].ranking;

function go(place) {
  if (steps[at]) countTime();
  since = 0;
  const before = steps[at] && steps[at].trial.combination;
  at = place;
  history = [];
  const { trial, items } = steps[at];
  answers[trial.name] ||= { ranking: [], seconds: 0 };
  const told = survey.criteria[trial.combination];
  element("headline").textContent = told.headline;
  element("signs").replaceChildren(...told.signs.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  element("words").replaceChildren(...told.words.map(([word, meaning]) => {
    const row = document.createElement("div");
    row.append(Object.assign(document.createElement("dt"), { textContent: word }),
      Object.assign(document.createElement("dd"), { textContent: meaning }));
    return row;
  }));
  // where pictures would be pushed out of sight, details open by themselves only where they are new
  element("more").open = storage.get("details") ?? (innerWidth > 700 || before !== trial.combination);
  element("reference").hidden = !trial.reference;
  if (trial.reference) element("reference").querySelector("img").src = trial.reference;
  element("pictures").style.setProperty("--count", items.length);
  element("pictures").replaceChildren(...items.map(card));
  show("trial");
  since = Date.now();
  draw(before && before !== trial.combination ? "The description has changed." : "");
  element("headline").focus({ preventScroll: true });
  keep();
}

// a text of which the eye needs only the second part
function spoken(className, unseen, seen) {
  const text = Object.assign(document.createElement("span"), { className });
  if (seen) text.append(Object.assign(document.createElement("span"), { className: "unseen", textContent: unseen }), seen);
  return text;
}

function card(item, place) {
  const entry = document.createElement("li");
  const rank = Object.assign(document.createElement("button"), { type: "button", className: "picture" });
  rank.append(Object.assign(document.createElement("img"), { src: steps[at].trial.items[item], alt: "", draggable: false }),
    spoken("letter", "Picture ", letter(place)), spoken("badge", "", ""));
  rank.addEventListener("click", () => press(item));
  const closer = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Look closer" });
  closer.setAttribute("aria-label", `Look closer at picture ${letter(place)}`);
  closer.addEventListener("click", () => lookCloser(place));
  entry.append(rank, closer);
  return entry;
}

function draw(said) {
  const { items, trial } = steps[at];
  const ranking = rankingNow();
  items.forEach((item, place) => {
    const button = element("pictures").children[place].firstChild;
    const rank = ranking.indexOf(item) + 1;
    button.setAttribute("aria-pressed", rank > 0);
    button.lastChild.replaceWith(spoken("badge", ", ranked ", rank ? ordinal(rank) : ""));
  });
  element("ranked").replaceChildren(...items.map((_, place) => {
    const slot = document.createElement("li");
    const item = ranking[place];
    if (item) {
      slot.append(Object.assign(document.createElement("img"), { src: trial.items[item], alt: `Picture ${letter(items.indexOf(item))}` }));
    }
    slot.append(Object.assign(document.createElement("span"), { textContent: item ? letter(items.indexOf(item)) : ordinal(place + 1) }));
    slot.classList.toggle("empty", !item);
    return slot;
  }));
  const complete = isDone(steps[at]);
  const left = items.length - ranking.length;
  const ask = complete ? "All ranked." : ranking.length ? `Which comes ${ordinal(ranking.length + 1)}?` : "Which fits best?";
  element("status").textContent = [said, ask].filter(Boolean).join(" ");
  element("status").dataset.left = left;
  element("next").textContent = at + 1 < steps.length ? "Next" : "Finish";
  element("next").setAttribute("aria-disabled", !complete);
  element("undo").disabled = !history.length && !ranking.length;
  element("previous").disabled = at === 0;
  element("where").textContent = `Step ${at + 1} of ${steps.length}`;
  element("progress").value = numDone() / steps.length;
  element("progress").setAttribute("aria-valuetext", `${numDone()} of ${steps.length} done`);
  drawCloser();
}

function change(ranking, said) {
  answers[steps[at].trial.name].ranking = ranking;
  keep();
  draw(said);
  if (isDone(steps[at]) && !element("closer").open) element("next").focus({ preventScroll: true });
}

function press(item) {
  const { items } = steps[at];
  const before = rankingNow();
  const after = pressed(before, item, items);
  const name = `Picture ${letter(items.indexOf(item))}`;
  if (after === before) {
    draw(`${name} is last.`);
    return;
  }
  history.push(before);
  change(after, before.includes(item) ? `${name} is taken back.` : `${name} is ${ordinal(before.length + 1)}.`);
}

function undo() {
  if (!history.length && !rankingNow().length) return;
  // after a reload nothing is remembered but the ranking itself: the last picture is taken back
  const before = history.length ? history.pop() : rankingNow().slice(0, isDone(steps[at]) ? -2 : -1);
  change(before, "Undone.");
}

function next() {
  if (!isDone(steps[at])) {
    const left = steps[at].items.length - rankingNow().length;
    draw(`Rank all pictures first: ${left} left.`);
    return;
  }
  if (at + 1 < steps.length) go(at + 1);
  else end();
}

// ---- look closer --------------------------------------------------------------------------------------------------
function lookCloser(place) {
  looking = place;
  if (!element("closer").open) element("closer").showModal();
  drawCloser();
}

function drawCloser() {
  if (!element("closer").open) return;
  const { items, trial } = steps[at];
  looking = (looking + items.length) % items.length;
  const item = items[looking];
  const rank = rankingNow().indexOf(item) + 1;
  element("closer-picture").src = trial.items[item];
  element("closer-name").textContent = `Picture ${letter(looking)}${rank ? `, ranked ${ordinal(rank)}` : ""}`;
  element("closer-rank").textContent = rank === items.length ? "It is last" : rank ? "Take it back"
    : `This is ${ordinal(rankingNow().length + 1)}`;
}

element("closer-before").addEventListener("click", () => { looking -= 1; drawCloser(); });
element("closer-after").addEventListener("click", () => { looking += 1; drawCloser(); });
element("closer-rank").addEventListener("click", () => press(steps[at].items[looking]));
element("closer-close").addEventListener("click", () => element("closer").close());
element("closer").addEventListener("click", (event) => { if (event.target === element("closer")) element("closer").close(); });
element("closer").addEventListener("close", () => {
  if (isDone(steps[at])) element("next").focus({ preventScroll: true });
  else element("pictures").children[looking].firstChild.focus();
});

// ---- end ----------------------------------------------------------------------------------------------------------
function end() {
  countTime();
  since = 0;
  const done = numDone();
  const complete = done === steps.length;
  show("end");
  keep();
  element("thanks").textContent = complete ? "Thank you. All steps are done." : "A pause";
  element("done").textContent = complete ? `Your code: ${rater}.`
    : `${done} of ${steps.length} steps are done. To go on, open this page again in this browser, or press "Go on". `
      + "Only steps in which all pictures are ranked are saved in the file.";
  element("back").textContent = complete ? "Look at my answers again" : "Go on";
  element("text").value = csvOf(survey, rater, answers);
  element("saved").textContent = "";
  element("thanks").focus();
}

element("save").addEventListener("click", () => {
  const address = URL.createObjectURL(new Blob([element("text").value], { type: "text/csv;charset=utf-8" }));
  const name = `answers_${survey.id}_${rater}.csv`;
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
  element("saved").textContent = `Saved as ${name}, among the downloads of this browser.`;
});
element("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(element("text").value);
    element("saved").textContent = "Copied.";
  } catch {
    element("text").parentElement.open = true;
    element("text").select();
    element("saved").textContent = "This browser does not let the page copy. The text is selected: copy it yourself.";
  }
});
element("back").addEventListener("click", () => {
  const open = steps.findIndex((step) => !isDone(step));
  go(open < 0 ? 0 : isDone(steps[at]) ? open : at);
});
element("other").addEventListener("click", () => { storage.set("rater", ""); rater = ""; steps = []; at = 0; intro(); });
element("pause").addEventListener("click", end);
element("previous").addEventListener("click", () => go(at - 1));
element("undo").addEventListener("click", undo);
element("next").addEventListener("click", next);

// ---- keys ---------------------------------------------------------------------------------------------------------
document.addEventListener("keydown", (event) => {
  if (element("trial").hidden || event.ctrlKey || event.altKey || event.metaKey) return;
  const { items } = steps[at];
  const closer = element("closer").open;
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (closer && step) {
    looking += step;
    drawCloser();
  } else if (step && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    const buttons = [...element("pictures").children].map((entry) => entry.firstChild);
    const focused = buttons.findIndex((button) => button.parentElement.contains(document.activeElement));
    const place = focused < 0 ? (step > 0 ? 0 : items.length - 1) : (focused + step + items.length) % items.length;
    buttons[place].focus();
  } else if (event.key === "Enter" && !closer && !document.activeElement.closest("button, summary, a, input")) {
    next();
  } else if (event.key === "Backspace") {
    undo();
  } else if (element("letters").checked && !event.repeat && event.key.length === 1) {
    // the place on the keyboard stands in where the layout has no Latin letters
    const key = /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : event.code.replace(/^Key/, "").toLowerCase();
    const place = key.length === 1 ? key.charCodeAt(0) - 97 : -1;
    if (place >= 0 && place < items.length) press(items[place]);
    else if (key === "u") undo();
    else if (key === "n" && !closer) next();
    else if (key === "p" && !closer && at > 0) go(at - 1);
    else if (key === "z") {
      if (closer) element("closer").close();
      else {
        const entries = [...element("pictures").children];
        lookCloser(Math.max(0, entries.findIndex((entry) => entry.contains(document.activeElement))));
      }
    } else return;
  } else return;
  event.preventDefault();
});

element("letters").checked = storage.get("letters") !== false;
element("letters").addEventListener("change", () => storage.set("letters", element("letters").checked));
element("more").firstElementChild.addEventListener("click", () => storage.set("details", !element("more").open));
document.addEventListener("visibilitychange", () => { if (rater && steps.length) keep(); });
addEventListener("pagehide", () => { if (rater && steps.length && !element("trial").hidden) keep(); });

const asked = new URLSearchParams(location.hash.slice(1)).get("rater");
const last = storage.get("rater");
if (typeof last === "string" && isCode(last) && (!asked || asked === last)) enter(last);
else intro();
