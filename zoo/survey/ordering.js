"use strict";
// What decides orders and what is exported: plain functions without a page, so that they can be tested alone.

const COLUMNS = ["survey", "rater", "trial", "shown", "item", "place", "rank", "seconds"];

// A number of 32 bits from a text: FNV-1a, then mixed so that texts that differ little give numbers that differ much.
function numberOf(text) {
  let hash = 0x811c9dc5;
  for (let place = 0; place < text.length; place += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(place), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

// An order that depends on the key alone, whatever the order that came in: the same rater sees the same everywhere.
function shuffled(names, key) {
  const numbers = new Map(names.map((name) => [name, numberOf(`${key}|${name}`)]));
  return [...names].sort((one, other) => numbers.get(one) - numbers.get(other) || (one < other ? -1 : 1));
}

// The steps of a rater: combinations one after another, or all mixed; within, every order is the rater's own.
function stepsOf(survey, rater) {
  const key = `${survey.seed}|${rater}`;
  const trials = new Map(survey.trials.map((trial) => [trial.name, trial]));
  let names = shuffled([...trials.keys()], `${key}|trial`);
  if (survey.order === "grouped") {
    const groups = shuffled(Object.keys(survey.criteria), `${key}|combination`);
    names = groups.flatMap((group) => names.filter((name) => trials.get(name).combination === group));
  }
  return names.map((name) => ({
    trial: trials.get(name),
    items: shuffled(Object.keys(trials.get(name).items), `${key}|${name}`),
  }));
}

// Ranks one more picture; the last one left follows of itself. One that is ranked already is taken back, but for the
// last of all: its rank follows from the others, and who ranks each picture by hand presses it, too.
function pressed(ranking, item, items) {
  if (ranking.length === items.length && item === ranking[items.length - 1]) return ranking;
  if (ranking.includes(item)) return ranking.filter((each) => each !== item);
  const longer = [...ranking, item];
  const left = items.filter((each) => !longer.includes(each));
  return left.length === 1 ? [...longer, left[0]] : longer;
}

function isComplete(ranking, step) {
  return Array.isArray(ranking) && ranking.length === step.items.length
    && step.items.every((item) => ranking.includes(item));
}

function isCode(rater) {
  return /^[A-Za-z0-9._-]{1,32}$/.test(rater);
}

// Nothing needs quotes: codes, names and ids are made of letters, digits and signs that spreadsheets leave alone.
function csvOf(survey, rater, answers) {
  const lines = [COLUMNS.join(",")];
  stepsOf(survey, rater).forEach((step, shown) => {
    const answer = answers[step.trial.name];
    if (!answer || !isComplete(answer.ranking, step)) return;
    step.items.forEach((item, place) => {
      const rank = answer.ranking.indexOf(item) + 1;
      const seconds = (answer.seconds || 0).toFixed(1);
      lines.push([survey.id, rater, step.trial.name, shown + 1, item, place + 1, rank, seconds].join(","));
    });
  });
  return lines.join("\r\n") + "\r\n";
}
