package so.suna.queuemetrics.aws;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class BodyTimeLimitTest {

  private static InputStream body(Duration limit) {
    return new BodyTimeLimit(limit).limited(new ByteArrayInputStream("answer".getBytes(US_ASCII)));
  }

  @Test
  void bodyInTimeIsRead() throws IOException {
    assertThat(body(Duration.ofMinutes(1))).hasContent("answer");
  }

  @Test
  void bodyThatTakesLongerEndsInATimeout() {
    InputStream body = body(Duration.ZERO);

    assertThatThrownBy(body::read)
        .isInstanceOf(SocketTimeoutException.class)
        .hasMessage("response body not read within 0 s");
    assertThatThrownBy(body::readAllBytes).isInstanceOf(SocketTimeoutException.class);
  }
}
