import { GCProfiler, getHeapStatistics } from "node:v8";

/** Bytes that `work` takes of the heap, and of the memory outside it for buffers, whether it keeps them or not. */
export function allocatedBytes(work: () => void): number {
  const profiler = new GCProfiler();
  profiler.start();
  const before = getHeapStatistics();
  work();
  const after = getHeapStatistics();
  let bytes = after.used_heap_size + after.external_memory - before.used_heap_size - before.external_memory;
  // What was collected on the way was taken, too.
  for (const { beforeGC, afterGC } of profiler.stop().statistics) {
    const [full, swept] = [beforeGC.heapStatistics, afterGC.heapStatistics];
    bytes += full.usedHeapSize + full.externalMemory - swept.usedHeapSize - swept.externalMemory;
  }
  return bytes;
}
