/** Text as it may stand in XML and HTML, also between quotes. */
export function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/** An element, with attributes that are escaped and content that is not. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content = '',
): string {
  const all = Object.entries(attributes).map(([key, value]) => {
    const text = typeof value === 'number' ? String(Math.round(value * 10) / 10) : value
    return ` ${key}="${escapeText(text)}"`
  })
  return content === ''
    ? `<${name}${all.join('')}/>`
    : `<${name}${all.join('')}>${content}</${name}>`
}

/** Text at a place of a picture. */
export function label(
  x: number,
  y: number,
  text: string,
  attributes: Readonly<Record<string, string | number>> = {},
): string {
  return element('text', { x, y, ...attributes }, escapeText(text))
}

/** A whole picture. Sizes in pixels. @param title for whoever does not see it */
export function picture(
  {
    width,
    height,
    title,
  }: { readonly width: number; readonly height: number; readonly title: string },
  parts: readonly string[],
): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${Math.round(width)} ${Math.round(height)}`,
    width,
    height,
    role: 'img',
    'font-family': 'sans-serif',
    'font-size': 11,
  }
  const background = element('rect', { width, height, fill: '#fff' })
  const content = [element('title', {}, escapeText(title)), background, ...parts].join('\n')
  return `${element('svg', attributes, `\n${content}\n`)}\n`
}
