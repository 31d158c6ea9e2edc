import { MemoryEventStore } from '../../node/inbound/memory-event-store.ts'
import { eventStoreContract } from './event-store.contract.ts'

eventStoreContract('memory', (bounds) => {
  const store = new MemoryEventStore(bounds)
  return { store, size: () => store.size, bytes: () => store.bytes }
})
