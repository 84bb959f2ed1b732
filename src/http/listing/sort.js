// A click on a heading sorts by that column, a second one the other way round. Folders stay before files.
{
  const table = document.querySelector("table"), body = table.tBodies[table.tBodies.length - 1];
  const rows = Array.from(body.rows), names = new Intl.Collator(undefined, { numeric: true });
  const isFile = row => "bytes" in row.cells[2].dataset;
  const columns = [
    { key: row => row.cells[0].textContent, compare: names.compare, first: "ascending" },
    { key: row => row.cells[1].textContent, compare: (a, b) => (a > b) - (a < b), first: "descending" },
    { key: row => Number(row.cells[2].dataset.bytes || 0), compare: (a, b) => a - b, first: "descending" },
  ];
  const headings = Array.from(table.tHead.rows[0].cells);
  headings.forEach((heading, i) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    heading.append(button);
    button.onclick = () => {
      const { key, compare, first } = columns[i], now = heading.getAttribute("aria-sort");
      const order = now === null ? first : now === "ascending" ? "descending" : "ascending";
      headings.forEach(other => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const keyed = rows.map(row => ({ row, file: isFile(row), key: key(row) }));
      keyed.sort((a, b) => a.file - b.file || sign * compare(a.key, b.key));
      body.append(...keyed.map(entry => entry.row));
    };
  });
}
