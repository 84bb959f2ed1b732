// Uploads files with PUT and a progress bar, lists the folder from the server's JSON listing, deletes with DELETE.
"use strict";

const FOLDER = "/files/";
const form = document.getElementById("upload");
const going = document.getElementById("going");
const progress = document.getElementById("progress");
const said = document.getElementById("said");
const list = document.getElementById("files");

/** The URL of a stored file. The listing has `href` for a name that is not valid UTF-8. */
const address = (file) => FOLDER + (file.href ?? encodeURIComponent(file.name));

function element(name, text, properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(text);
  return made;
}

/** Lists the files in the folder, the newest first. */
async function show() {
  const answer = await fetch(FOLDER, { headers: { Accept: "application/json" }, cache: "no-store" });
  if (!answer.ok) throw new Error(`the list has status ${answer.status}`);
  const files = (await answer.json()).filter((file) => file.type === "file");
  files.sort((a, b) => Date.parse(b.mtime) - Date.parse(a.mtime));
  const items = files.map((file) => {
    const item = document.createElement("li");
    const facts = `${file.size.toLocaleString("en")} bytes, ${new Date(file.mtime).toLocaleString()}`;
    const button = element("button", "Delete", { className: "quiet", onclick: () => remove(file) });
    button.setAttribute("aria-label", `Delete ${file.name}`);
    item.append(element("a", file.name, { href: address(file) }), " ", element("span", facts), " ", button);
    return item;
  });
  list.replaceChildren(...items);
}

const refresh = () => show().catch((error) => { said.append(` The folder cannot be listed: ${error.message}.`); });

async function remove(file) {
  try {
    const answer = await fetch(address(file), { method: "DELETE" });
    said.textContent = `${file.name} ${answer.ok ? "is deleted" : "was not deleted"}: ${answer.status}.`;
  } catch (error) {
    said.textContent = `${file.name} was not deleted: ${error.message}`;
  }
  await refresh();
}

/** Sends one file. XMLHttpRequest reports the progress of an upload; fetch() cannot. */
function upload(file) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("PUT", FOLDER + encodeURIComponent(file.name));
    request.upload.onprogress = (event) => {
      progress.value = 100 * event.loaded / Math.max(event.total, 1);
      said.textContent = `${Math.round(progress.value)} % of ${file.name}`;
    };
    request.onload = () => {
      const meaning = { 201: "is stored", 204: "is stored again", 413: "is too long" }[request.status] ?? "was refused";
      resolve(`${file.name} ${meaning}: ${request.status} ${request.statusText}.`);
    };
    request.onerror = () => resolve(`${file.name} was not stored: the connection was lost.`);
    request.onabort = () => resolve(`${file.name} was stopped. Nothing is left of it.`);
    document.getElementById("abort").onclick = () => request.abort();
    request.send(file);
  });
}

form.elements.file.multiple = true;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  going.hidden = false;
  const results = [];
  for (const file of form.elements.file.files) {
    progress.value = 0;
    results.push(await upload(file));
  }
  going.hidden = true;
  form.reset();
  said.textContent = results.join(" ");
  await refresh();
});
refresh();
