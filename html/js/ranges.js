// Draws the sound while it is fetched in eight parts, and shows any part of the text.
"use strict";

const PARTS = 8;
const HEAD_BYTES = 58; // the size of this WAV file's header, before the samples
const canvas = document.getElementById("wave");
const said = document.getElementById("wave-said");
const player = document.querySelector("audio");

/** Decodes a G.711 mu-law byte; returns the absolute value of the sample, 0 to 1. */
function loudness(byte) {
  const inverted = ~byte & 0x7f;
  return ((((inverted & 15) << 3) + 132 << (inverted >> 4)) - 132) / 32124;
}

/** Draws samples into the part of the canvas between `from` and `to`, both fractions of its width from 0 to 1. */
function draw(samples, from, to, part) {
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  pen.fillStyle = style.getPropertyValue(part % 2 ? "--ask" : "--answer");
  const left = from * canvas.width, width = (to - from) * canvas.width, step = 4;
  for (let x = 0; x < width; x += step) {
    let loudest = 0;
    const end = Math.min(samples.length, Math.floor((x + step) / width * samples.length));
    for (let i = Math.floor(x / width * samples.length); i < end; i++) loudest = Math.max(loudest, loudness(samples[i]));
    const height = Math.max(2, loudest * canvas.height);
    pen.fillRect(left + x, (canvas.height - height) / 2, step - 1, height);
  }
}

async function drawSound() {
  const head = await fetch(player.src, { method: "HEAD" });
  const size = Number(head.headers.get("Content-Length"));
  const each = Math.ceil((size - HEAD_BYTES) / PARTS);
  let arrived = 0;
  const parts = Array.from({ length: PARTS }, async (_, part) => {
    const from = HEAD_BYTES + part * each, to = Math.min(size, from + each) - 1;
    const answer = await fetch(player.src, { headers: { Range: `bytes=${from}-${to}` }, cache: "no-store" });
    if (answer.status !== 206) throw new Error(`status ${answer.status}`);
    draw(new Uint8Array(await answer.arrayBuffer()), (from - HEAD_BYTES) / size, (to - HEAD_BYTES) / size, part);
    arrived += 1;
    said.textContent = `The picture is made from ${arrived} responses with status 206; colours show the parts.`;
  });
  await Promise.all(parts);
}

canvas.hidden = false;
drawSound().catch((error) => { said.textContent = `The picture could not be fetched: ${error.message}.`; });
canvas.addEventListener("click", (event) => {
  if (player.duration) player.currentTime = event.offsetX / canvas.clientWidth * player.duration;
});

const form = document.getElementById("part-form");
const shown = document.getElementById("part-said");
form.hidden = false;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const range = `bytes=${form.elements.from.value}-${form.elements.to.value}`;
  try {
    const answer = await fetch("/try/lines.txt", { headers: { Range: range }, cache: "no-store" });
    const body = answer.status === 206 ? await answer.text() : "";
    const field = answer.headers.get("Content-Range") ?? "none";
    shown.textContent = `Range: ${range}\n\n${answer.status} ${answer.statusText}\nContent-Range: ${field}\n\n${body}`;
  } catch (error) {
    shown.textContent = `No answer: ${error.message}`;
  }
  shown.hidden = false;
});
