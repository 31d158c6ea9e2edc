/** Items a page that servers of the matrix show: fewer than they have tools, so that lists have several pages. */
export const PAGE_SIZE = 7
