import { newsContract } from './news.contract.ts'
import { httpNews, stdioNews } from './news-upstreams.ts'

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
