package so.suna.queuemetrics.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.function.Supplier;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.kit.SdkClients;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.AwsReceiver.Call;
import so.suna.queuemetrics.local.AwsReceiver.Reply;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/** Secrets as the SDK reads them. */
class SecretIT {

  private static final String ARN =
      "arn:aws:secretsmanager:us-west-2:123456789012:secret:redis-AbCdEf";

  @AutoClose private final AwsReceiver aws = AwsReceiver.start(3);

  private static ObjectNode json() {
    return JsonNodeFactory.instance.objectNode();
  }

  private String read(String reference) {
    return Secret.of(reference).read(() -> SdkClients.secretsManager(aws.endpoint()));
  }

  private void holds(String text) {
    aws.answer(_ -> new Reply(200, json().put("SecretString", text)));
  }

  private void assertAsked(String input) {
    assertThat(aws.calls("GetSecretValue"))
        .singleElement()
        .extracting(Call::input)
        .hasToString(input.formatted(ARN));
  }

  @ParameterizedTest
  @CsvSource({
    "'', '', '', ''",
    ":SecretString, '', '', ''",
    ":SecretString:::, '', '', ''",
    ":SecretString:password, password, '', ''",
    ":SecretString:pass word:AWSPENDING, pass word, AWSPENDING, ''",
    ":SecretString:password::v1, password, '', v1",
    ":SecretString:::v1, '', '', v1",
  })
  void referenceIsReadAsCloudFormationReadsIt(
      String suffix, String key, String stage, String version) {
    assertThat(Secret.of(ARN + suffix)).isEqualTo(new Secret(ARN, key, stage, version));
  }

  @Test
  void wholeTextOfTheCurrentVersionIsRead() {
    holds("p:a\"s{s");
    assertThat(read(ARN)).isEqualTo("p:a\"s{s");
    assertAsked("{\"SecretId\":\"%s\"}");
  }

  @Test
  void keyStageAndVersionAreAskedFor() {
    holds("{\"user\":\"metrics\",\"password\":\"p\"}");
    assertThat(read(ARN + ":SecretString:password:AWSPENDING:v1")).isEqualTo("p");
    assertAsked("{\"SecretId\":\"%s\",\"VersionId\":\"v1\",\"VersionStage\":\"AWSPENDING\"}");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"s3cret", "{\"other\":\"s3cret\"}", "{\"password\":{}}", "[]", "{s3cret:"})
  void secretWithoutTheKeyIsNamedAndNotShown(String text) {
    holds(text);
    assertThatThrownBy(() -> read(ARN + ":SecretString:password"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("secret %s must hold a JSON object with the text password".formatted(ARN))
        .hasNoCause();
  }

  @Test
  void binarySecretIsNamed() {
    aws.answer(_ -> new Reply(200, json().put("SecretBinary", "czNjcmV0")));
    assertThatThrownBy(() -> read(ARN))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("secret %s must hold a text, was binary".formatted(ARN));
  }

  @Test
  void secretIsNamedIfNoClientCanBeMade() {
    Supplier<SecretsManagerClient> noClient =
        () -> {
          throw SdkClientException.create("Unable to load region");
        };
    assertThatThrownBy(() -> Secret.of(ARN).read(noClient))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("secret %s not read: Unable to load region".formatted(ARN));
  }

  @ParameterizedTest
  @CsvSource({
    "ResourceNotFoundException, Secrets Manager can't find the specified secret.",
    "AccessDeniedException, no identity-based policy allows the secretsmanager:GetSecretValue action",
  })
  void secretThatIsGoneOrDeniedIsNamed(String type, String said) {
    aws.answer(_ -> AwsReceiver.error(400, type, said));
    assertThatThrownBy(() -> read(ARN))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("secret %s not read: %s".formatted(ARN, said));
    assertThat(aws.calls()).hasSize(1);
  }
}
