import { newsContract } from './news.contract.ts'
import { httpNews, linkNews, stdioNews } from './news-upstreams.ts'

newsContract('a link', { era: '2026', drops: true, make: linkNews })

for (const era of ['2025', '2026'] as const) {
  newsContract(`HTTP ${era}`, {
    era,
    drops: true,
    make: (capabilities) => httpNews(era, capabilities),
  })
  newsContract(`stdio ${era}`, {
    era,
    drops: era === '2026',
    make: (capabilities) => stdioNews(era, capabilities),
  })
}
