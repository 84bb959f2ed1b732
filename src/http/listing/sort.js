// A click on a heading sorts by that column, a second one the other way round. Folders stay before files.
{
  const table = document.querySelector("table"), body = table.tBodies[table.tBodies.length - 1];
  const rows = Array.from(body.rows), headings = Array.from(table.tHead.rows[0].cells);
  const size = row => row.cells[2].dataset.bytes; // folders have none
  // Capitals beside small letters, accents beside none, and 9 before 10. An Intl.Collator takes seconds for 10,000 rows.
  const plain = name => name.normalize("NFKD").toLowerCase().replace(/\d+/g, digits => digits.padStart(20, "0"));
  const keys = [row => plain(row.cells[0].textContent), row => row.cells[1].textContent, row => Number(size(row))];
  headings.forEach((heading, i) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    heading.append(button);
    button.onclick = () => {
      const now = heading.getAttribute("aria-sort") || (i === 0 ? "descending" : "ascending");
      const order = now === "ascending" ? "descending" : "ascending"; // the newest and the largest come first
      headings.forEach(other => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const keyed = rows.map(row => ({ row, isFile: size(row) !== undefined, key: keys[i](row) }));
      keyed.sort((a, b) => a.isFile - b.isFile || sign * ((a.key > b.key) - (a.key < b.key)));
      body.append(...keyed.map(entry => entry.row));
    };
  });
}
