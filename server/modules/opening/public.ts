export { type Opening, publishListing, withdrawListing } from './commands.ts'
export { findEntry as findOpenEntry } from './queries.ts'
