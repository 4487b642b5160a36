// Who: a procedural face, or the square of a picture that holds a face.
import { announce, element, make, wholeNumber } from "./parts.js";

const FACES = 8;
let about, first = 0, picture = null;

const faceNumber = () => wholeNumber("face-number", about.faces - 1);

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
  let start = null; // sliders hold whole numbers, so each move is counted from where the drag began
  canvas.addEventListener("pointerdown", (event) => {
    const [across, down] = ["crop-across", "crop-down"].map((id) => Number(element(id).value));
    start = { x: event.clientX, y: event.clientY, across, down };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!start || !picture) return;
    const { side } = cropBox(), scale = (100 * side) / canvas.clientWidth;
    const rooms = [picture.width - side, picture.height - side];
    if (rooms[0] > 0) element("crop-across").value = start.across - ((event.clientX - start.x) * scale) / rooms[0];
    if (rooms[1] > 0) element("crop-down").value = start.down - ((event.clientY - start.y) * scale) / rooms[1];
    drawCrop();
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { start = null; });
}

// who it is, in few letters: a picture by where it is cropped
export const person = () => (picture ? [element("file").value, ...Object.values(cropBox())].join() : String(faceNumber()));
export const reference = () => (picture ? { picture: croppedPicture() } : { face: faceNumber() });

export function startWho(given) {
  about = given;
  const on = (id, name, act) => element(id).addEventListener(name, act);
  on("faces-before", "click", () => turnFaces(-1));
  on("faces-after", "click", () => turnFaces(1));
  on("face-number", "change", () => chooseFace(faceNumber()));
  on("file", "change", (event) => takeFile(event.target.files[0]));
  for (const id of ["crop-size", "crop-across", "crop-down"]) on(id, "input", drawCrop);
  on("crop-remove", "click", () => { chooseFace(faceNumber()); element("file").focus(); });
  on("who", "dragover", (event) => { event.preventDefault(); element("who").classList.add("dropping"); });
  on("who", "dragleave", () => element("who").classList.remove("dropping"));
  on("who", "drop", (event) => {
    event.preventDefault();
    element("who").classList.remove("dropping");
    takeFile(event.dataTransfer.files[0]);
  });
  element("face-number").max = about.faces - 1;
  dragging();
  layFaces();
}
