/** Items a page that servers of the matrix show: fewer than they have of tools. */
export const PAGE_SIZE = 7
