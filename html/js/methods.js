// Sends each request of the table, in order, and shows its status beside the expected one.
"use strict";

const ask = document.getElementById("ask");
const said = document.getElementById("said");

async function send(row) {
  const { method, path } = row.dataset;
  const options = { method, cache: "no-store" };
  if (method === "PUT" || method === "POST") options.body = "hello";
  const answer = await fetch(path, options);
  const allow = answer.headers.get("Allow");
  row.cells[3].textContent = answer.status + (allow ? `, Allow: ${allow}` : "");
  return answer.status === parseInt(row.cells[2].textContent, 10);
}

ask.hidden = false;
ask.querySelector("button").addEventListener("click", async (event) => {
  event.target.disabled = true;
  let right = 0;
  const rows = document.querySelectorAll("tr[data-method]");
  try {
    for (const row of rows) right += await send(row) ? 1 : 0;
    said.textContent = `${right} of ${rows.length} as expected.`;
  } catch (error) {
    said.textContent = `No answer: ${error.message}`;
  }
  event.target.disabled = false;
});
