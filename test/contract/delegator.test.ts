import { delegatorContract } from './delegator.contract.ts'
import { WAYS } from './delegators.ts'

for (const way of WAYS) delegatorContract(way)
