// Reads the stream and shows each line as soon as it arrives.
"use strict";

const form = document.getElementById("start");
const stop = document.getElementById("stop");
const said = document.getElementById("said");
const lines = document.getElementById("lines");
let reading = null;

async function read(count) {
  reading = new AbortController();
  lines.textContent = "";
  stop.disabled = false;
  let got = 0, pieces = 0;
  try {
    const answer = await fetch(`/cgi/stream.sh?lines=${count}`, { signal: reading.signal });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      lines.append(part.value);
      got += part.value.split("\n").length - 1;
      pieces += 1;
      said.textContent = `${got} of ${count} lines, in ${pieces} pieces.`;
    }
    said.textContent = `All of ${got} lines came, in ${pieces} pieces.`;
  } catch (error) {
    said.textContent = error.name === "AbortError"
      ? `Stopped after ${got} lines; the server has ended the script.`
      : `The stream was interrupted: ${error.message}.`;
  }
  stop.disabled = true;
}

document.getElementById("reader").hidden = false;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (stop.disabled) read(form.elements.lines.value);
});
stop.addEventListener("click", () => reading.abort());
