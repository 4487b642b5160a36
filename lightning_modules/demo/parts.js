// What both halves of the page are made with.
export const element = (id) => document.getElementById(id);

export function make(tag, properties = {}, children = []) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// what is told too often would keep a screen reader from saying anything else
export function announce(text, isQuiet = false) {
  element("status").setAttribute("aria-live", isQuiet ? "off" : "polite");
  element("status").textContent = text;
}

export function wholeNumber(id, most) {
  return Math.min(most, Math.max(0, Math.floor(Number(element(id).value) || 0)));
}
