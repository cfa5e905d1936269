/** A string constant of SQL. Only for statements that take no parameters, such as CREATE TABLE … AS. */
export const literal = (text: string) => {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}
