// A click on a heading sorts by that column, a second one the other way round. Folders stay before files.
{
  const table = document.querySelector("table"), body = table.tBodies[table.tBodies.length - 1];
  const rows = Array.from(body.rows), headings = Array.from(table.tHead.rows[0].cells);
  const size = row => row.cells[2].dataset.bytes; // folders have none
  const numeric = (a, b) => a - b, text = (a, b) => (a > b) - (a < b);
  const columns = [
    { key: row => row.cells[0].textContent, compare: new Intl.Collator(undefined, { numeric: true }).compare },
    { key: row => row.cells[1].textContent, compare: text },
    { key: row => Number(size(row) || 0), compare: numeric },
  ];
  headings.forEach((heading, i) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    heading.append(button);
    button.onclick = () => {
      const now = heading.getAttribute("aria-sort") || (i === 0 ? "descending" : "ascending");
      const order = now === "ascending" ? "descending" : "ascending"; // the newest and the largest come first
      headings.forEach(other => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1, { key, compare } = columns[i];
      const keyed = rows.map(row => ({ row, isFile: size(row) !== undefined, key: key(row) }));
      keyed.sort((a, b) => a.isFile - b.isFile || sign * compare(a.key, b.key));
      body.append(...keyed.map(entry => entry.row));
    };
  });
}
