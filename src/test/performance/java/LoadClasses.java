package so.suna.queuemetrics;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Loads and links the classes that standard input names as {@code room TAB class}, in that order,
 * and prints the CPU time that each room's took as {@code room TAB microseconds}.
 */
public final class LoadClasses {
  public static void main(String[] none) throws IOException {
    var threads = ManagementFactory.getThreadMXBean();
    Map<String, Long> nanos = new LinkedHashMap<>();
    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] parts = line.split("\t");
      long before = threads.getCurrentThreadCpuTime();
      try {
        // Asking for the constructors links the class and runs none of its code.
        Class.forName(parts[1], false, LoadClasses.class.getClassLoader())
            .getDeclaredConstructors();
      } catch (ReflectiveOperationException | LinkageError e) {
        // One that is hidden, or that names a library which is left out: it costs what it costs.
      }
      nanos.merge(parts[0], threads.getCurrentThreadCpuTime() - before, Long::sum);
    }
    nanos.forEach((room, spent) -> System.out.println(room + "\t" + spent / 1_000));
  }
}
